/** The devices of a vault, from the verified chain. */
import type { DeviceInfo } from '../device-types.ts';
import type { VaultEngine } from '../vault-engine-types.ts';
import { openDeviceLabel } from './device-labels.ts';

const silenceMs = 90 * 24 * 60 * 60 * 1000;

/** All members, the recovery member included, in the order in which they joined. */
export async function listDevices(engine: VaultEngine, now = Date.now()): Promise<readonly DeviceInfo[]> {
  const members = [...engine.view.state.members.values()].sort((a, b) => a.since - b.since);
  return await Promise.all(
    members.map(async (member) => ({
      id: member.id,
      role: member.role,
      label: await openDeviceLabel(engine, member),
      isThis: member.id === engine.keys.id,
      since: member.since,
      lastHeard: member.lastTime,
      // A recovery member signs nothing until it is used.
      isSilent: member.role !== 'recovery' && now - Date.parse(member.lastTime) > silenceMs,
    })),
  );
}
