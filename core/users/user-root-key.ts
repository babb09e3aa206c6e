/** The root key of a user, the UMK (docs/format.md, section 12). */
import { randomBytes } from 'node:crypto';
import { encodeFields } from '../encoding/length-prefixed-fields.ts';
import { type Dek, dekLength, deriveRoot } from '../encryption/root-key.ts';

/** The user whose slots they are. */
export interface Owner {
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
export const newUmk = (): Buffer => randomBytes(dekLength);

/** Derives what a UMK is used for. @param secret 32 bytes; zeroed here */
export function loadUmk(secret: Uint8Array, { org, user }: Owner): Umk {
  if (secret.length !== dekLength) throw new RangeError('a UMK has 32 bytes');
  const derived = deriveRoot(secret, encodeFields('anima:enc:v1:umk', org, user), umkVersion);
  return { org, user, version: umkVersion, ...derived };
}
