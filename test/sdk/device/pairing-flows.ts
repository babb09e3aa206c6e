import type { CodeComparison, DeviceRole } from '../../../sdk/src/device/device-types.ts';
import { DeviceVaultError } from '../../../sdk/src/device/device-vault-error.ts';
import { approveByCode } from '../../../sdk/src/device/pairing/approve-by-code.ts';
import { approveByQr, showApproveQr } from '../../../sdk/src/device/pairing/approve-by-qr.ts';
import { joinByCode } from '../../../sdk/src/device/pairing/join-by-code.ts';
import { joinByQr, showJoinQr } from '../../../sdk/src/device/pairing/join-by-qr.ts';
import { beginVault, FakeClock, MemoryService, newCandidate, settings } from './roster-fakes.ts';

export const yes = async () => true;

/** A vault with one admin device, and a new device. */
export async function vault() {
  const service = new MemoryService();
  const engine = await beginVault(service);
  service.requests.length = 0;
  const device = await newCandidate(service);
  return { service, engine, device, approver: { engine, requests: service.approver, clock: new FakeClock() } };
}
export type Vault = Awaited<ReturnType<typeof vault>>;

interface People {
  readonly atNew?: (comparison: CodeComparison) => Promise<boolean>;
  readonly atApprover?: (comparison: CodeComparison) => Promise<boolean>;
  readonly role?: DeviceRole;
  readonly label?: string;
}

/** How a side ended: `done`, the code of a refusal, or another error. */
export const outcome = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof DeviceVaultError ? error.code : String(error)),
  );

/** Both sides of a pairing by code, and how each ended. */
export async function pairByCode({ service, device, approver }: Vault, people: People = {}) {
  const begun = Promise.withResolvers<string>();
  const joined = outcome(
    joinByCode(
      {
        device,
        requests: service.newDevice,
        confirm: people.atNew ?? yes,
        onWaiting: ({ pairing }) => begun.resolve(pairing),
        clock: new FakeClock(),
      },
      settings,
    ),
  );
  const { role, label } = people;
  const options = { confirm: people.atApprover ?? yes, role, label };
  const approved = outcome(approveByCode(approver, await begun.promise, options, settings));
  return { joined: await joined, approved: await approved };
}

/** Both sides of a pairing by the QR code of the new device. */
export async function pairByJoinQr({ service, device, approver }: Vault) {
  const shown = Promise.withResolvers<string>();
  const join = { device, requests: service.newDevice, clock: new FakeClock() };
  const joined = outcome(showJoinQr(join, ({ text }) => shown.resolve(text), settings));
  const approved = outcome(approveByQr(approver, await shown.promise, {}, settings));
  return { joined: await joined, approved: await approved };
}

/** Both sides of a pairing by the QR code of the approving device. */
export async function pairByApproveQr({ service, device, approver }: Vault) {
  const shown = Promise.withResolvers<string>();
  const approved = outcome(showApproveQr(approver, ({ text }) => shown.resolve(text), {}, settings));
  const join = { device, requests: service.newDevice, clock: new FakeClock() };
  const joined = outcome(joinByQr(join, await shown.promise, settings));
  return { joined: await joined, approved: await approved };
}

export const done = { joined: 'done', approved: 'done' };

/** Requests, without those that only wait: the next request of the same side is the same one again. */
export function withoutWaits(requests: readonly string[]): string[] {
  const sideOf = (name: string | undefined) => name?.split(' ')[0];
  return requests.filter((name, at) => {
    const next = requests.slice(at + 1).find((later) => sideOf(later) === sideOf(name));
    return next !== name;
  });
}
