/** Changes of the devices of a vault: remove, leave, rotate, close. */
import type { CallSettings } from '../../shared/client-options.ts';
import { deviceError } from '../device-errors.ts';
import type { AppendedEntry, EngineView, VaultEngine } from '../vault-engine-types.ts';
import { appendInEpoch, appendWithNewEpoch, isAdmin, type PlanRoster, requireAdmin } from './append-roster.ts';

/**
 * Removes a device, or the recovery member, and begins an epoch whose key it does not get. What it had, it keeps.
 * @throws DeviceVaultError not_an_admin, own_device, unknown_device
 */
export async function removeDevice(
  engine: VaultEngine,
  device: string,
  settings: CallSettings,
): Promise<AppendedEntry> {
  const plan: PlanRoster = async (view) => {
    requireAdmin(view, engine.keys.id);
    if (device === engine.keys.id) {
      throw deviceError('own_device');
    }
    if (!view.state.members.has(device)) {
      throw deviceError('unknown_device');
    }
    return { change: { kind: 'remove', device } };
  };
  return await appendWithNewEpoch(engine, plan, settings);
}

/**
 * Ends the membership of this device. An admin device rotates before records are written again.
 * @throws DeviceVaultError last_admin
 */
export async function leaveVault(engine: VaultEngine, settings: CallSettings): Promise<AppendedEntry> {
  return await appendInEpoch(
    engine,
    async ({ state }) => {
      const admins = [...state.members.values()].filter(({ role }) => role === 'admin');
      if (isAdmin(state, engine.keys.id) && admins.length === 1) {
        throw deviceError('last_admin');
      }
      return { change: { kind: 'leave' } };
    },
    settings,
  );
}

/** Begins an epoch with the same members. @throws DeviceVaultError not_an_admin */
export async function rotateVault(engine: VaultEngine, settings: CallSettings): Promise<AppendedEntry> {
  return await appendWithNewEpoch(
    engine,
    async (view) => {
      requireAdmin(view, engine.keys.id);
      return { change: { kind: 'rotate' } };
    },
    settings,
  );
}

/** Ends the vault: no entry follows. Its devices keep what they have. @throws DeviceVaultError not_an_admin */
export async function closeVault(engine: VaultEngine, settings: CallSettings): Promise<AppendedEntry> {
  return await appendInEpoch(
    engine,
    async (view) => {
      requireAdmin(view, engine.keys.id);
      return { change: { kind: 'close' } };
    },
    settings,
  );
}

/** Ends an attempt whose reason is gone. Never leaves this file. */
class NotDue extends Error {}

/**
 * Rotates if a device left and no device has rotated since. `sync` calls it after each pull. A device without the current
 * key does not: members that join later could then not open the epoch that it lacks.
 * @returns whether this device rotated; false too if it is no admin, or if another device was faster
 */
export async function rotateIfDue(engine: VaultEngine, settings: CallSettings): Promise<boolean> {
  const mustRotate = ({ state, key }: EngineView): boolean =>
    state.rotationDue && !state.closed && isAdmin(state, engine.keys.id) && key(state.epoch) !== undefined;
  if (!mustRotate(engine.view)) return false;
  const plan: PlanRoster = async (view) => {
    if (!mustRotate(view)) throw new NotDue();
    return { change: { kind: 'rotate' } };
  };
  try {
    await appendWithNewEpoch(engine, plan, settings);
    return true;
  } catch (error) {
    if (error instanceof NotDue) return false;
    throw error;
  }
}
