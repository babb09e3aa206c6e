/** The end of a pairing at the new device: it waits until it is a member, then verifies how it became one. */

import type { CallSettings } from '../../shared/client-options.ts';
import { AnimaError } from '../../shared/errors.ts';
import type { CandidateDevice, PairingClock } from './pairing-ports.ts';
import { type Admission, verifyAdmission } from './verify-admission.ts';
import { waitUntil } from './wait-for-message.ts';

/**
 * Reads the log until this device is a member, and verifies the admission.
 * @throws DeviceVaultError pairing_expired, admission_refused, and those of the engine
 */
export async function awaitAdmission(
  { engine }: CandidateDevice,
  admission: Admission,
  clock: PairingClock,
  deadline: number,
  settings: CallSettings,
): Promise<void> {
  await waitUntil(clock, deadline, settings, async () => {
    await pullIfMember(engine, settings);
    return engine.view.state.members.has(engine.keys.id) ? true : undefined;
  });
  await verifyAdmission(engine, admission);
}

/** Reads the log. The service refuses a device that is not a member yet. */
async function pullIfMember(engine: CandidateDevice['engine'], settings: CallSettings): Promise<void> {
  try {
    await engine.pull(settings);
  } catch (error) {
    if (!(error instanceof AnimaError && error.code === 'device_refused')) throw error;
  }
}
