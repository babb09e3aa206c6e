/** Deletes what is too old, once a day. */
import { readCertificate } from '../../../../core/directory/fleet-certificate.ts';
import { expireSessions } from '../../../../core/sessions/peer-sessions.ts';
import type { PrekeyKeeper } from '../prekeys/prekey-keeper.ts';
import type { SessionContext } from '../session-context.ts';
import { Changes } from '../storage/session-store.ts';
import { prefixes } from './message-items.ts';
import { erasePeer, loadPeer, type PeerRecord, peerDevices, stagePeer } from './peer-records.ts';

const day = 86_400_000;
/** Messages that do not open, or that may not be shown. The relay keeps its messages as long. */
const keptDays = 30;
const name = 'maintained';

export async function maintain(context: SessionContext, prekeys: PrekeyKeeper): Promise<void> {
  const now = context.clock.now();
  const last = await context.store.item<{ at: number }>(name);
  if (last !== undefined && now - last.at < day) return;
  const living = await prekeys.livingSignedPrekeys();
  for (const device of await peerDevices(context)) {
    await context.turn(async () => {
      const record = await loadPeer(context, device);
      if (record === undefined) return;
      const set = expireSessions(record.set, living, now);
      const next = { ...record, set: isRevoked(context, device, record) ? { ...set, sessions: [] } : set };
      const changes = new Changes();
      stagePeer(changes, next);
      await context.store.write(changes);
      erasePeer(record, next);
    });
  }
  const changes = new Changes().put(name, { at: now });
  const isOlder = (at: number, days: number) => now - at >= days * day;
  for (const prefix of [prefixes.quarantine, prefixes.held]) {
    for await (const [item, { at }] of context.store.items<{ at: number }>(prefix))
      if (isOlder(at, keptDays)) changes.delete(item);
  }
  for await (const [item, { at }] of context.store.items<{ at: number }>(prefixes.history))
    if (isOlder(at, context.historyDays)) changes.delete(item);
  await deleteSent(context, changes, (time) => isOlder(time, Math.max(keptDays, context.historyDays)));
  await context.turn(() => context.store.write(changes));
}

/** A revoked device or fleet never returns, so nothing of its sessions opens or is sent any more. */
function isRevoked({ directory: { state } }: SessionContext, device: string, { certificate }: PeerRecord): boolean {
  const fleet = (certificate && readCertificate(state, certificate))?.fleet;
  const all = [state.devices.get(device), state.members.get(device), state.fleets.get(fleet ?? '')];
  return all.some((one) => one?.status === 'revoked');
}

async function deleteSent(context: SessionContext, changes: Changes, isOld: (time: number) => boolean): Promise<void> {
  const deleted = new Set<string>();
  for await (const [item, { time }] of context.store.items<{ time: number }>(prefixes.sent)) {
    if (!isOld(time)) continue;
    changes.delete(item);
    deleted.add(item.slice(prefixes.sent.length));
  }
  for (const prefix of [prefixes.unconfirmed, prefixes.todo]) {
    for await (const [item, todo] of context.store.items<{ id?: string }>(prefix))
      if (todo.id !== undefined && deleted.has(todo.id)) changes.delete(item);
  }
}
