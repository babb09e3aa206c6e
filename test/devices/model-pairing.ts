/** A pairing by code in the model: both persons say yes, and no time passes. */
import { joinVault } from '../../sdk/src/device/join-vault.ts';
import { approveByCode } from '../../sdk/src/device/pairing/approve-by-code.ts';
import type { PairingClock } from '../../sdk/src/device/pairing/pairing-ports.ts';
import { approverRequests } from '../../sdk/src/device/pairing/pairing-requests.ts';
import type { DeviceVaultEngine } from '../../sdk/src/device/vault-engine.ts';
import { codeOf, type ModelDevice } from './model-device.ts';

/** Time that passes only by waiting. */
function fastClock(): PairingClock {
  let now = 0;
  const wait = async (ms: number) => {
    now += ms;
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { now: () => now, wait };
}

/** How the sides ended: the engine of the new device or why it has none, and what the approving device threw. */
interface ModelPairing {
  readonly joined: DeviceVaultEngine | string;
  readonly approved: unknown;
}

export async function pairInModel(
  approver: ModelDevice,
  device: ModelDevice,
  role: 'admin' | 'data',
  clockOf: () => PairingClock = fastClock,
): Promise<ModelPairing> {
  const waiting = Promise.withResolvers<string | undefined>();
  const confirm = async () => true;
  const onWaiting = ({ pairing }: { readonly pairing: string }) => waiting.resolve(pairing);
  const { vault } = approver.vault.scope;
  const way = { way: 'code', confirm, onWaiting } as const;
  const joined = joinVault(device.context, vault, way, device.settings, clockOf()).catch((error: unknown) => {
    waiting.resolve(undefined);
    return codeOf(error);
  });
  const pairing = await waiting.promise;
  if (pairing === undefined) return { joined: await joined, approved: undefined };
  const { engine, settings } = approver;
  const approval = { engine, requests: approverRequests(engine.requests), clock: clockOf() };
  const approved = await approveByCode(approval, pairing, { confirm, role }, settings).catch((error: unknown) => error);
  return { joined: await joined, approved };
}
