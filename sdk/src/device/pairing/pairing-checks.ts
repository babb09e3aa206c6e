/** Checks that several forms of pairing share. */

import { withAbort } from '../../http/retry.ts';
import { notSentError } from '../../shared/argument-validation.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { AnimaError } from '../../shared/errors.ts';
import { deviceError } from '../device-errors.ts';
import type { CodeComparison, ConfirmCode } from '../device-types.ts';
import type { DeviceVaultError } from '../device-vault-error.ts';
import type { NewDeviceRequests, PairingPlace, PairingTime } from './pairing-ports.ts';

export const pairingRefused = (detail: string): DeviceVaultError => deviceError('pairing_refused', { detail });

/** Validates the callback before anything is sent. @throws AnimaError invalid_argument */
export function checkConfirmation(confirm: ConfirmCode): void {
  if (typeof confirm !== 'function') {
    throw notSentError(
      'invalid_argument',
      'confirm must be a function that asks a person and returns whether they agree',
    );
  }
}

/**
 * Asks a person to compare the code. Only the answer `true` confirms, and only until the pairing ends.
 * @throws DeviceVaultError not_confirmed, pairing_expired; AnimaError aborted
 */
export async function requireConfirmation(
  confirm: ConfirmCode,
  comparison: CodeComparison,
  { clock, deadline }: PairingTime,
  settings: CallSettings,
): Promise<void> {
  const answer: unknown = await withAbort(settings, () => confirm(comparison));
  if (answer !== true) throw deviceError('not_confirmed');
  if (clock.now() > deadline) throw deviceError('pairing_expired');
}

/** The pairing at the new device. @throws DeviceVaultError pairing_unknown */
export const getPairing = (
  requests: NewDeviceRequests,
  pairing: string,
  settings: CallSettings,
): Promise<PairingPlace> => knownPairing(requests.get(pairing, settings));

/** A request about a pairing that the other device may have ended. @throws DeviceVaultError pairing_unknown */
export async function knownPairing<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof AnimaError && error.code === 'pairing_not_found') throw deviceError('pairing_unknown');
    throw error;
  }
}
