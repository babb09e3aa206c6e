/** What all forms of pairing share at the approving device. */
import { publicKeysOf } from '../../../../core/devices/device-keys.ts';
import { deviceIdOf, type MemberKeys } from '../../../../core/devices/vault-scope.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import { notSentError } from '../../shared/argument-validation.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { deviceError } from '../device-errors.ts';
import type { ApproveOptions, DeviceRole, PendingPairing } from '../device-types.ts';
import { checkLabel } from '../open-vault.ts';
import { addDevice, type NewDevice, requirePlace, requireRoom } from '../roster/add-device.ts';
import { requireAdmin } from '../roster/append-roster.ts';
import { rotateIfDue } from '../roster/change-roster.ts';
import type { AppendedEntry, VaultEngine } from '../vault-engine-types.ts';
import type { ApproverRequests, PairingClock, PairingPlace, PairingTime } from './pairing-ports.ts';
import { waitUntil } from './wait-for-message.ts';

export interface Approver {
  readonly engine: VaultEngine;
  readonly requests: ApproverRequests;
  readonly clock?: PairingClock | undefined;
}

/** Role and label of the new device. */
export interface Grant {
  readonly role: DeviceRole;
  readonly label: string;
}

/** Devices on which a pairing is in progress: one pairing on a screen, so that codes cannot be mixed up. */
const busy = new WeakSet<VaultEngine>();

/**
 * Runs one pairing, if this device can add a member at all. Does a rotation first that is due, since no device can be
 * added before.
 * @throws DeviceVaultError pairing_busy, vault_closed, not_an_admin, members_full; AnimaError invalid_argument
 */
export async function runApproval<T>(
  { engine }: Approver,
  options: ApproveOptions,
  settings: CallSettings,
  approve: (grant: Grant, ownKeys: MemberKeys) => Promise<T>,
): Promise<T> {
  const grant = { role: checkRole(options.role), label: checkLabel(options.label) };
  if (engine.view.state.closed) throw deviceError('vault_closed');
  requireAdmin(engine.view, engine.keys.id);
  requirePlace(engine.view.state.members);
  if (busy.has(engine)) {
    throw deviceError('pairing_busy');
  }
  busy.add(engine);
  try {
    await rotateIfDue(engine, settings);
    return await approve(grant, publicKeysOf(engine.keys));
  } finally {
    busy.delete(engine);
  }
}

/** The role of the new device; `admin` by default. Any other text is refused rather than read as a role. */
function checkRole(role: DeviceRole | undefined): DeviceRole {
  if (role === undefined || role === 'admin' || role === 'data') return role ?? 'admin';
  throw notSentError('invalid_argument', 'role must be admin or data');
}

/** @throws DeviceVaultError device_known */
export const requireNewKeys = async ({ engine }: Approver, keys: MemberKeys): Promise<void> =>
  requireRoom(engine.view.state, await deviceIdOf(keys), keys);

/** Appends the entry that makes the device a member. */
export const admit = (
  { engine }: Approver,
  grant: Grant,
  device: Pick<NewDevice, 'keys' | 'pairing' | 'agree'>,
  settings: CallSettings,
): Promise<AppendedEntry> => addDevice(engine, { ...grant, ...device }, settings);

/** The pairings that wait for an approval. Nothing in them is verified: a code or a QR code decides. */
export async function pendingPairings(
  { requests }: Approver,
  settings: CallSettings,
): Promise<readonly PendingPairing[]> {
  const pairings = await requests.list(settings);
  return pairings
    .filter((place) => place.new.length === 1 && place.approver.length === 0)
    .map(({ pairing, expiresAt }) => ({ pairing, expiresAt }));
}

/** @throws DeviceVaultError pairing_unknown */
export async function findPairing(approver: Approver, pairing: string, settings: CallSettings): Promise<PairingPlace> {
  const found = await listedPairing(approver, pairing, settings);
  if (found === undefined) throw deviceError('pairing_unknown');
  return found;
}

const listedPairing = async (
  { requests }: Approver,
  pairing: string,
  settings: CallSettings,
): Promise<PairingPlace | undefined> => (await requests.list(settings)).find((place) => place.pairing === pairing);

/** By code: the second message of the new device, as soon as it is there. @throws DeviceVaultError pairing_unknown */
export const waitForReveal = (
  approver: Approver,
  { clock, deadline }: PairingTime,
  pairing: string,
  settings: CallSettings,
): Promise<Bytes> =>
  waitUntil(clock, deadline, settings, async () => (await findPairing(approver, pairing, settings)).new[1]);

/** The message of the device that scanned the QR code, as soon as it is there. The pairing begins with it. */
export const waitForScanner = (
  approver: Approver,
  { clock, deadline }: PairingTime,
  pairing: string,
  settings: CallSettings,
): Promise<Bytes> =>
  waitUntil(clock, deadline, settings, async () => (await listedPairing(approver, pairing, settings))?.new[0]);
