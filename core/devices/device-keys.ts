/** The keys of a device, and of the recovery member. */

import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, encodeFieldBytes } from '../encoding/bytes.ts';
import { decodeFieldBytes, fieldOfLength } from '../encoding/field-reader.ts';
import {
  exportScalar,
  generateKeyPair,
  importKeyPair,
  importVerificationKey,
  isCurvePoint,
  type KeyPair,
  pointLength,
  scalarLength,
  signMessage,
  verifyMessage,
} from '../hazmat/p256.ts';
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

/**
 * Keys that were generated as extractable: fields(ECDH key, ECDH scalar, ECDSA key, ECDSA scalar). The caller encrypts the
 * bytes and zeroes them.
 */
export async function exportDeviceKeys({ ecdh, ecdsa }: DeviceKeys): Promise<Bytes> {
  const scalars = [await exportScalar(ecdh.privateKey), await exportScalar(ecdsa.privateKey)] as const;
  const bytes = encodeFieldBytes(ecdh.publicKey, scalars[0], ecdsa.publicKey, scalars[1]);
  for (const scalar of scalars) scalar.fill(0);
  return bytes;
}

/**
 * The inverse of {@link exportDeviceKeys}. The imported keys are not extractable. The caller zeroes the bytes.
 * @throws DecryptionError for another form, and for keys that do not belong together
 */
export async function importDeviceKeys(bytes: Uint8Array): Promise<DeviceKeys> {
  const fields = decodeFieldBytes(bytes) ?? [];
  const [ecdhPoint, ecdsaPoint] = [fieldOfLength(fields[0], pointLength), fieldOfLength(fields[2], pointLength)];
  const scalars = [fieldOfLength(fields[1], scalarLength), fieldOfLength(fields[3], scalarLength)] as const;
  try {
    if (fields.length !== 4 || !ecdhPoint || !ecdsaPoint || !scalars[0] || !scalars[1]) throw new DecryptionError();
    const ecdh = await importKeyPair('ECDH', ecdhPoint, scalars[0]);
    return await toDeviceKeys(ecdh, await importKeyPair('ECDSA', ecdsaPoint, scalars[1]));
  } catch {
    throw new DecryptionError();
  } finally {
    for (const scalar of scalars) scalar?.fill(0);
  }
}

/** Signs a message that is not an entry, for example a request. Its form must not be that of an entry. */
export const signAsDevice = ({ ecdsa }: DeviceKeys, message: Uint8Array): Promise<Bytes> =>
  signMessage(ecdsa.privateKey, message);

/** Whether the holder of the ECDSA key signed the message. */
export const verifyDeviceSignature = async (
  ecdsa: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> =>
  isCurvePoint(ecdsa) && (await verifyMessage(await importVerificationKey(ecdsa), message, signature));
