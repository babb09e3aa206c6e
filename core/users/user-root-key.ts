/** The root key of a user, the UMK (docs/format.md, section 12). */
import { randomBytes } from 'node:crypto';
import { encodeLengthPrefixedFields } from '../encoding/length-prefixed-fields.ts';
import { type Dek, deriveRootKeys, rootKeyLength } from '../encryption/root-key.ts';

/** The user whose slots they are. */
export interface UserRef {
  readonly org: string;
  readonly user: string;
}

/** A UMK in memory: it seals like a DEK (core/encryption/sealed-string.ts), and authenticates its keyring. Its own bytes are gone. */
export interface Umk extends Dek {
  readonly user: string;
}

/** Stands where a DEK's version stands in strings. A user has one root key for life; slots change, it does not. */
const umkVersion = 1;

/** A new UMK: 32 bytes, which the caller zeroes. */
export const newUmk = (): Buffer => randomBytes(rootKeyLength);

/** Derives what a UMK is used for. @param secret 32 bytes; zeroed here */
export function deriveUmk(secret: Uint8Array, { org, user }: UserRef): Umk {
  if (secret.length !== rootKeyLength) throw new RangeError('a UMK has 32 bytes');
  const derived = deriveRootKeys(secret, encodeLengthPrefixedFields('anima:enc:v1:umk', org, user), umkVersion);
  return { org, user, version: umkVersion, ...derived };
}
