/** The entry that makes a new device a member, after its pairing. */
import type { ChainState } from '../../../../core/devices/chain-state.ts';
import { maxMembers } from '../../../../core/devices/limits.ts';
import { deviceIdOf, type MemberKeys } from '../../../../core/devices/vault-scope.ts';
import { type Bytes, equalBytes } from '../../../../core/encoding/bytes.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { deviceError } from '../device-errors.ts';
import type { DeviceRole } from '../device-types.ts';
import type { AppendedEntry, VaultEngine } from '../vault-engine-types.ts';
import { appendInEpoch, requireAdmin } from './append-roster.ts';
import { sealDeviceLabel } from './device-labels.ts';

/** What the two devices agreed on. */
export interface Agreement {
  readonly transcript: Bytes;
  /** Sent with the entry. */
  readonly message?: Bytes | undefined;
}

export interface NewDevice {
  readonly keys: MemberKeys;
  readonly role: DeviceRole;
  /** Empty for none. */
  readonly label: string;
  readonly pairing: string;
  /** Called for each attempt, with the hash of the head that the entry follows. */
  readonly agree: (head: Bytes) => Promise<Agreement>;
}

/** Appends `add`. @throws DeviceVaultError not_an_admin, device_known, members_full */
export async function addDevice(
  engine: VaultEngine,
  device: NewDevice,
  settings: CallSettings,
): Promise<AppendedEntry> {
  const { keys, role, label, pairing, agree } = device;
  const id = await deviceIdOf(keys);
  return await appendInEpoch(
    engine,
    async (view) => {
      requireAdmin(view, engine.keys.id);
      requireRoom(view.state, id, keys);
      const sealed = await sealDeviceLabel(view.currentKey(), id, label);
      const { transcript, message } = await agree(view.state.head.hash);
      const change = { kind: 'add', member: { id, ...keys, role, label: sealed }, pairing, transcript } as const;
      return { change, approval: message && { pairing, message } };
    },
    settings,
  );
}

/** @throws DeviceVaultError device_known, members_full */
export function requireRoom({ members, usedIds }: ChainState, id: string, keys: MemberKeys): void {
  const points = [...members.values()].flatMap(({ ecdh, ecdsa }) => [ecdh, ecdsa]);
  const isShared = points.some((point) => equalBytes(point, keys.ecdh) || equalBytes(point, keys.ecdsa));
  if (isShared || usedIds.has(id)) {
    throw deviceError('device_known');
  }
  requirePlace(members);
}

/** @throws DeviceVaultError members_full */
export function requirePlace(members: ChainState['members']): void {
  if (members.size < maxMembers) return;
  throw deviceError('members_full');
}
