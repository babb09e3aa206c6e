/** Verifies the entries of one answer of the log, before anything of it is kept. */
import type { ReadDeviceLogResponse } from '../../../contract/devices/wire.ts';
import { applyEntry } from '../../../core/devices/apply-entry.ts';
import { isRosterKind, maxSignedBytes, type SignedEntry } from '../../../core/devices/chain-entry.ts';
import type { AppliedChange, ChainState, VoidChange, VoidReason } from '../../../core/devices/chain-state.ts';
import { type Bytes, fromBase64 } from '../../../core/encoding/bytes.ts';
import { stopError } from './device-errors.ts';
import type { SyncNotice } from './device-types.ts';

/** An entry that is part of the chain. */
export interface AppliedEntry {
  readonly before: ChainState;
  /** The state with this entry as head. */
  readonly after: ChainState;
  readonly entry: SignedEntry;
  readonly signed: Bytes;
  /** As the service sent them: not verified. */
  readonly wraps: Bytes | undefined;
  readonly voidReason: VoidReason | undefined;
  readonly changes: readonly AppliedChange[];
  readonly voided: readonly VoidChange[];
}

/**
 * Verifies an entry as the next one.
 * @throws DeviceVaultError bad_envelope, update_required
 */
export async function verifyNext(before: ChainState, signed: Bytes, wraps: Bytes | undefined): Promise<AppliedEntry> {
  const outcome = await applyEntry(before, signed);
  if (outcome.result === 'stop') throw stopError(outcome.reason, before.head.seq + 1);
  const { state: after, entry } = outcome;
  const facts = { before, after, entry, signed, wraps };
  if (outcome.result === 'void') return { ...facts, voidReason: outcome.reason, changes: [], voided: [] };
  return { ...facts, voidReason: undefined, changes: outcome.changes, voided: outcome.voided };
}

/** The longest entry in base64. A longer text is not decoded. */
const maxEntryCharacters = Math.ceil(maxSignedBytes / 3) * 4;

const decodeOptional = (text: string | undefined): Bytes | undefined =>
  text === undefined ? undefined : fromBase64(text);

/**
 * Verifies all entries of an answer, in their order.
 * @throws DeviceVaultError bad_envelope, update_required
 */
export async function verifyPage(state: ChainState, page: ReadDeviceLogResponse): Promise<readonly AppliedEntry[]> {
  const from = state.head.seq;
  if (page.head < from) throw stopError('older_log', page.head);
  const applied: AppliedEntry[] = [];
  for (const { entry, wraps } of page.entries) {
    const before = applied.at(-1)?.after ?? state;
    const signed = entry.length > maxEntryCharacters ? undefined : fromBase64(entry);
    if (signed === undefined) throw stopError('malformed', before.head.seq + 1);
    applied.push(await verifyNext(before, signed, decodeOptional(wraps)));
  }
  const reached = from + applied.length;
  // An answer without entries would otherwise be asked for again and again.
  const isShort = page.more ? applied.length === 0 || page.head <= reached : page.head > reached;
  if (isShort) throw stopError('missing_entries', reached + 1);
  return applied;
}

/** What a person should know about an entry. @param device this device, whose own changes are no news */
export function noticesOf({ entry, voidReason, voided }: AppliedEntry, device: string): readonly SyncNotice[] {
  const { seq, kind, signer } = entry;
  if (voidReason !== undefined)
    return [{ seq, kind: 'entry_void', detail: `entry ${seq} (${kind}) of device ${signer}: ${voidReason}` }];
  const notices: SyncNotice[] = voided.map(({ index, reason }) => ({
    seq,
    kind: 'change_void',
    detail: `change ${index} of entry ${seq}, of device ${signer}: ${reason}`,
  }));
  if (isRosterKind(kind) && signer !== device)
    notices.push({ seq, kind: 'roster_changed', detail: `entry ${seq} (${kind}) of device ${signer}` });
  return notices;
}
