/** The keys of a device, and of the recovery member. */
import { generateKeyPair, type KeyPair } from '../hazmat/p256.ts';
import { deviceIdOf, type MemberKeys } from './vault-scope.ts';

export interface DeviceKeys {
  readonly id: string;
  readonly ecdh: KeyPair;
  readonly ecdsa: KeyPair;
}

/**
 * New keys.
 * @param extractable whether the private keys can be exported; true for a recovery member, and where keys are stored as
 *   bytes
 */
export async function generateDeviceKeys(extractable: boolean): Promise<DeviceKeys> {
  const [ecdh, ecdsa] = await Promise.all([
    generateKeyPair('ECDH', extractable),
    generateKeyPair('ECDSA', extractable),
  ]);
  return await toDeviceKeys(ecdh, ecdsa);
}

/** The keys with the id that follows from them. */
export const toDeviceKeys = async (ecdh: KeyPair, ecdsa: KeyPair): Promise<DeviceKeys> => ({
  id: await deviceIdOf({ ecdh: ecdh.publicKey, ecdsa: ecdsa.publicKey }),
  ecdh,
  ecdsa,
});

/** The public half. */
export const publicKeysOf = ({ ecdh, ecdsa }: DeviceKeys): MemberKeys => ({
  ecdh: ecdh.publicKey,
  ecdsa: ecdsa.publicKey,
});
