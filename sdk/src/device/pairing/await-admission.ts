/** The end of a pairing at the new device: it waits until it is a member, then verifies how it became one. */

import type { CallSettings } from '../../shared/client-options.ts';
import { AnimaError } from '../../shared/errors.ts';
import { deviceError } from '../device-errors.ts';
import { DeviceVaultError } from '../device-vault-error.ts';
import { getPairing } from './pairing-checks.ts';
import type { CandidateDevice, NewDeviceRequests, PairingTime } from './pairing-ports.ts';
import { type Admission, verifyAdmission } from './verify-admission.ts';
import { waitUntil } from './wait-for-message.ts';

interface Waiting extends PairingTime {
  readonly device: CandidateDevice;
  readonly requests: NewDeviceRequests;
}

/**
 * Reads the log until this device is a member, and verifies the admission.
 * @throws DeviceVaultError pairing_expired, pairing_unknown after a refusal, admission_refused, and those of the engine
 */
export async function awaitAdmission(
  { device, requests, clock, deadline }: Waiting,
  admission: Admission,
  settings: CallSettings,
): Promise<void> {
  const { engine } = device;
  const isMember = async () => {
    await pullIfMember(engine, settings);
    return engine.view.state.members.has(engine.keys.id);
  };
  // A pairing ends after the entry that adds this device, and also after a refusal. So the log is read once more.
  const isEnded = () => isUnknown(getPairing(requests, admission.pairing, settings));
  await waitUntil(clock, deadline, settings, async () => {
    if (await isMember()) return true;
    if (!(await isEnded())) return undefined;
    if (await isMember()) return true;
    throw deviceError('pairing_unknown');
  });
  await verifyAdmission(engine, admission);
}

async function isUnknown(found: Promise<unknown>): Promise<boolean> {
  try {
    await found;
    return false;
  } catch (error) {
    if (error instanceof DeviceVaultError && error.code === 'pairing_unknown') return true;
    throw error;
  }
}

/** Reads the log. The service refuses a device that is not a member yet. */
async function pullIfMember(engine: CandidateDevice['engine'], settings: CallSettings): Promise<void> {
  try {
    await engine.pull(settings);
  } catch (error) {
    if (!(error instanceof AnimaError && error.code === 'device_refused')) throw error;
  }
}
