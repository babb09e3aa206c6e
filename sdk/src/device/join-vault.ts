/** Makes this device a member of a vault: keys and copy are stored only after all checks. */
import type { CallSettings } from '../shared/client-options.ts';
import { deviceError } from './device-errors.ts';
import { DeviceRequests } from './device-requests.ts';
import type { ConfirmCode, DisplayedQr, PendingPairing } from './device-types.ts';
import { forgetVault, scopeOf, type VaultContext } from './open-vault.ts';
import { joinByCode } from './pairing/join-by-code.ts';
import { joinByQr, showJoinQr } from './pairing/join-by-qr.ts';
import type { CandidateDevice, NewDeviceRequests, PairingClock } from './pairing/pairing-ports.ts';
import { newDeviceRequests } from './pairing/pairing-requests.ts';
import { StagedData } from './storage/staged-data.ts';
import { DeviceVaultEngine } from './vault-engine.ts';
import { VaultStore } from './vault-store.ts';

/** How the two devices authenticate each other. */
export type JoinWay =
  | {
      readonly way: 'code';
      readonly confirm: ConfirmCode;
      readonly onWaiting?: ((pairing: PendingPairing) => void) | undefined;
    }
  | { readonly way: 'scan'; readonly text: string }
  | { readonly way: 'show'; readonly show: (qr: DisplayedQr) => void };

/**
 * Pairs this device with an admin device of the vault.
 * @throws DeviceVaultError vault_exists, and those of the pairing. Nothing is kept then
 */
export async function joinVault(
  context: VaultContext,
  vault: string,
  join: JoinWay,
  settings: CallSettings,
  clock?: PairingClock,
): Promise<DeviceVaultEngine> {
  const { engine, staged } = await newCandidate(context, vault);
  try {
    const device = { scope: engine.scope, keys: engine.keys, engine };
    await runJoin(join, { device, requests: newDeviceRequests(context.user, vault), clock }, settings);
    await staged.keep();
    return engine;
  } catch (error) {
    await forgetVault(context, engine);
    throw error;
  }
}

interface JoinParts {
  readonly device: CandidateDevice;
  readonly requests: NewDeviceRequests;
  readonly clock: PairingClock | undefined;
}

async function runJoin(join: JoinWay, parts: JoinParts, settings: CallSettings): Promise<void> {
  switch (join.way) {
    case 'code':
      return await joinByCode({ ...parts, confirm: join.confirm, onWaiting: join.onWaiting }, settings);
    case 'scan':
      return await joinByQr(parts, join.text, settings);
    case 'show':
      return await showJoinQr(parts, join.show, settings);
  }
}

/** New keys, and an engine whose copy is in memory. Keys that a failed attempt left are replaced. */
async function newCandidate(context: VaultContext, vault: string) {
  const { storage, transport } = context;
  const scope = scopeOf(context, vault);
  const data = await storage.data.open(scope);
  try {
    if ((await data.list('')).length > 0) throw deviceError('vault_exists');
    const { device, local } = await storage.keys.create(scope);
    const staged = new StagedData(data);
    const requests = new DeviceRequests(transport, scope, device);
    const store = new VaultStore(staged, local, scope);
    return { engine: await DeviceVaultEngine.open({ scope, keys: device, store, requests }), staged };
  } catch (error) {
    await data.close();
    throw error;
  }
}
