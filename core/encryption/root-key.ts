/** A data-encryption key in memory (docs/format.md, section 2). */
import type { KeyObject } from 'node:crypto';
import { encodeFields, u32 } from '../encoding/length-prefixed-fields.ts';
import { hkdf, takeKey } from '../hazmat/node-primitives.ts';
import { type XaesKey, xaesKey } from '../hazmat/xaes-256-gcm.ts';

export const dekLength = 32;
export const commitmentLength = 16;

/** First byte of the header: which row of the suite table sealed a string. */
export const suite = 1;
/** Suite, DEK version, commitment: 21 bytes, a multiple of 3, so that their base64 does not depend on what follows. */
export const headerLength = 1 + 4 + commitmentLength;

const label = 'anima:enc:v1:dek';
const keyLength = 32;

/** A loaded DEK. It holds derived keys only, as KeyObjects; the DEK's own bytes are gone. */
export interface Dek {
  readonly org: string;
  readonly version: number;
  /** The 21 bytes with which each string sealed under this DEK begins. */
  readonly header: Buffer;
  readonly encryption: XaesKey;
  /** Authenticates the keyring record while this DEK is the active one. */
  readonly mac: KeyObject;
}

/**
 * Derives what a DEK is used for: HKDF-SHA-256 over label, org and version, so that a DEK that is presented as
 * another org's or as another version yields other keys and another commitment.
 * @param secret 32 bytes; zeroed here
 */
export function loadDek(secret: Uint8Array, org: string, version: number): Dek {
  if (secret.length !== dekLength) throw new RangeError('a DEK has 32 bytes');
  return { org, version, ...deriveRoot(secret, encodeFields(label, org, u32(version)), version) };
}

/**
 * What is derived of any root key, a DEK or a UMK.
 * @param secret 32 bytes; zeroed here
 * @param info tells it apart from all other root keys
 * @param version as it stands in the header
 */
export function deriveRoot(
  secret: Uint8Array,
  info: Uint8Array,
  version: number,
): Pick<Dek, 'header' | 'encryption' | 'mac'> {
  const bytes = hkdf(secret, new Uint8Array(0), info, 2 * keyLength + commitmentLength);
  secret.fill(0);
  const header = Buffer.allocUnsafe(headerLength);
  header.writeUInt8(suite, 0);
  header.writeUInt32BE(version, 1);
  bytes.copy(header, 5, keyLength, keyLength + commitmentLength);
  const encryption = xaesKey(takeKey(bytes.subarray(0, keyLength)));
  const mac = takeKey(bytes.subarray(keyLength + commitmentLength));
  bytes.fill(0);
  return { header, encryption, mac };
}
