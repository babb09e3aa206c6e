/** The Argon2id that a transfer uses. */
import { type Argon2id, findNativeArgon2id } from '../../../../core/devices/published-recovery-wrap.ts';
import { deviceError } from '../device-errors.ts';

export type { Argon2id };

/** The given function, otherwise that of the platform. @throws DeviceVaultError argon2_missing */
export function requireArgon2id(given: Argon2id | undefined): Argon2id {
  const found = given ?? findNativeArgon2id();
  if (found === undefined) throw deviceError('argon2_missing');
  return found;
}
