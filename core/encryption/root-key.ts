/** A data-encryption key in memory (docs/format.md, section 2). */
import { encodeLengthPrefixedFields, u32 } from '../encoding/length-prefixed-fields.ts';
import { hkdfSha256, importKeyAndZero } from '../hazmat/node-primitives.ts';
import { prepareXaesKey, type XaesKey } from '../hazmat/xaes-256-gcm.ts';

export const rootKeyLength = 32;
export const commitmentLength = 16;

/** First byte of the header: the suite that a string was sealed with. */
export const sealedStringSuite = 1;
/**
 * Suite, DEK version, commitment: 21 bytes. Because 21 is a multiple of 3, the base64 of the header does not depend on
 * the bytes that follow.
 */
export const sealedStringHeaderLength = 1 + 4 + commitmentLength;

const dekDerivationLabel = 'anima:enc:v1:dek';
const encryptionKeyLength = 32;
/** The encryption key and the commitment. */
export const sealingKeyLength = encryptionKeyLength + commitmentLength;

/** A loaded DEK. It holds only derived keys, as KeyObjects. The bytes of the DEK itself have been zeroed. */
export interface Dek {
  readonly org: string;
  readonly version: number;
  /** The 21 bytes with which each string that is sealed with this DEK begins. */
  readonly header: Buffer;
  readonly encryptionKey: XaesKey;
}

/**
 * Derives the keys of a DEK: HKDF-SHA-256 over label, org and version. A DEK that is presented as one of another org or
 * version therefore yields other keys and another commitment.
 * @param secret 32 bytes; zeroed here
 * @throws RangeError for another length
 */
export function deriveDek(secret: Uint8Array, org: string, version: number): Dek {
  if (secret.length !== rootKeyLength) throw new RangeError('a DEK must have 32 bytes');
  const info = encodeLengthPrefixedFields(dekDerivationLabel, org, u32(version));
  const bytes = hkdfSha256(secret, new Uint8Array(0), info, sealingKeyLength);
  secret.fill(0);
  return { org, version, ...importSealingKey(bytes, version) };
}

/**
 * Imports what seals strings with any root key, a DEK or a UMK.
 * @param bytes the first 48 bytes that were derived from the root key; zeroed here
 * @param version written to the header
 */
export function importSealingKey(bytes: Buffer, version: number): Pick<Dek, 'header' | 'encryptionKey'> {
  const header = Buffer.allocUnsafe(sealedStringHeaderLength);
  header.writeUInt8(sealedStringSuite, 0);
  header.writeUInt32BE(version, 1);
  bytes.copy(header, 5, encryptionKeyLength, sealingKeyLength);
  const encryptionKey = prepareXaesKey(importKeyAndZero(bytes.subarray(0, encryptionKeyLength)));
  bytes.fill(0);
  return { header, encryptionKey };
}
