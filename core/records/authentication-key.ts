/**
 * The authentication key of an org (docs/format.md, section 2) and the MACs of its records (section 5). An attacker who
 * can write the tables, but cannot use the records key in KMS, cannot compute these MACs.
 */
import { type KeyObject, timingSafeEqual } from 'node:crypto';
import { DecryptionError } from '../decryption-error.ts';
import { encodeLengthPrefixedFields, type Field } from '../encoding/length-prefixed-fields.ts';
import { decodeStrictBase64 } from '../encoding/strict-base64.ts';
import { hmacSha256, importKeyAndZero } from '../hazmat/node-primitives.ts';

const authenticationKeyLength = 32;

export interface AuthenticationKey {
  readonly org: string;
  readonly key: KeyObject;
}

/** The message whose HMAC under the records key is the authentication key of an org. */
export const authenticationKeyMessage = (org: string): Buffer => encodeLengthPrefixedFields('anima:records:v1', org);

/**
 * Imports the authentication key of an org.
 * @param secret 32 bytes; zeroed here
 * @throws RangeError for another length
 */
export function importAuthenticationKey(secret: Uint8Array, org: string): AuthenticationKey {
  if (secret.length !== authenticationKeyLength) throw new RangeError('an authentication key must have 32 bytes');
  const key = importKeyAndZero(Buffer.from(secret));
  secret.fill(0);
  return { org, key };
}

/** The MAC of a record, base64. @param fields the purpose first */
export const computeRecordMac = ({ key }: AuthenticationKey, fields: readonly Field[]): string =>
  hmacSha256(key, encodeLengthPrefixedFields(...fields)).toString('base64');

/**
 * Rejects a record whose MAC is missing or wrong. Compares in constant time.
 * @throws DecryptionError
 */
export function verifyRecordMac({ key }: AuthenticationKey, mac: unknown, fields: readonly Field[]): void {
  const presented = typeof mac === 'string' ? decodeStrictBase64(mac) : undefined;
  const expected = hmacSha256(key, encodeLengthPrefixedFields(...fields));
  if (presented?.length !== expected.length || !timingSafeEqual(presented, expected)) throw new DecryptionError();
}
