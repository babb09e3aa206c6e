/** The root key of a user, the UMK (docs/format.md, section 12). */
import { type KeyObject, randomBytes } from 'node:crypto';
import { encodeLengthPrefixedFields } from '../encoding/length-prefixed-fields.ts';
import { type Dek, importSealingKey, rootKeyLength, sealingKeyLength } from '../encryption/root-key.ts';
import { hkdfSha256, importKeyAndZero } from '../hazmat/node-primitives.ts';

/** Identifies a user: the owner of slots and a UMK. */
export interface UserRef {
  readonly org: string;
  readonly user: string;
}

/**
 * A loaded UMK. It seals like a DEK (core/encryption/sealed-string.ts) and authenticates the user's keyring. The bytes
 * of the UMK itself have been zeroed.
 */
export interface Umk extends Dek {
  readonly user: string;
  /** Authenticates the user's keyring. */
  readonly macKey: KeyObject;
}

/** Used in place of the DEK version in sealed strings. A user keeps one root key for life; only the slots change. */
const umkVersion = 1;
const macKeyLength = 32;

/** Creates a UMK: 32 random bytes, which the caller zeroes. */
export const newUmk = (): Buffer => randomBytes(rootKeyLength);

/**
 * Derives the keys of a UMK.
 * @param secret 32 bytes; zeroed here
 * @throws RangeError for another length
 */
export function deriveUmk(secret: Uint8Array, { org, user }: UserRef): Umk {
  if (secret.length !== rootKeyLength) throw new RangeError('a UMK must have 32 bytes');
  const info = encodeLengthPrefixedFields('anima:enc:v1:umk', org, user);
  const bytes = hkdfSha256(secret, new Uint8Array(0), info, sealingKeyLength + macKeyLength);
  secret.fill(0);
  const macKey = importKeyAndZero(bytes.subarray(sealingKeyLength));
  return {
    org,
    user,
    version: umkVersion,
    ...importSealingKey(bytes.subarray(0, sealingKeyLength), umkVersion),
    macKey,
  };
}
