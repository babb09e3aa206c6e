/** The MAC of a blob record (docs/format.md, section 10). */
import { DecryptionError } from '../decryption-error.ts';
import { encodeLengthPrefixedFields, type Field, optionalField, u32, u64 } from '../encoding/length-prefixed-fields.ts';
import { type AuthenticationKey, computeRecordMac, verifyRecordMac } from '../records/authentication-key.ts';

/**
 * The attributes of a blob record that the MAC covers: all that grant access to the blob or say what it contains. They
 * change only at completion and when the link is replaced.
 */
export interface AuthenticatedBlobFields {
  readonly org: string;
  readonly id: string;
  readonly locator: string;
  readonly createdAt: string;
  readonly uploadUntil: string;
  readonly expiresAt?: string | undefined;
  readonly maxOpens?: number | undefined;
  readonly burn: boolean;
  readonly size?: number | undefined;
  readonly uploadId?: string | undefined;
  readonly completedAt?: string | undefined;
  readonly checksum?: string | undefined;
  readonly openVerifier?: string | undefined;
  readonly burnVerifier?: string | undefined;
}

const optionalNumber = (value: number | undefined): Field =>
  optionalField(value === undefined ? undefined : u64(value));

/**
 * The attributes of a completion as one field, which is empty before it.
 * @throws DecryptionError if some are missing
 */
function completionField({ completedAt, checksum, openVerifier, burnVerifier }: AuthenticatedBlobFields): Field {
  const fields = [completedAt, checksum, openVerifier, burnVerifier];
  const present = fields.filter((field) => field !== undefined);
  if (present.length === 0) return optionalField(undefined);
  if (present.length < fields.length) throw new DecryptionError();
  return optionalField(encodeLengthPrefixedFields(...present));
}

const macFields = (blob: AuthenticatedBlobFields): Field[] => [
  'anima:blob-record:v1',
  blob.org,
  blob.id,
  blob.locator,
  blob.createdAt,
  blob.uploadUntil,
  optionalField(blob.expiresAt),
  optionalNumber(blob.maxOpens),
  u32(blob.burn ? 1 : 0),
  optionalNumber(blob.size),
  optionalField(blob.uploadId),
  completionField(blob),
];

/** The MAC of a record, base64. */
export const computeBlobRecordMac = (key: AuthenticationKey, blob: AuthenticatedBlobFields): string =>
  computeRecordMac(key, macFields(blob));

/**
 * Rejects a record that the vault did not write.
 * @throws DecryptionError
 */
export const verifyBlobRecordMac = (
  key: AuthenticationKey,
  blob: AuthenticatedBlobFields,
  mac: string | undefined,
): void => verifyRecordMac(key, mac, macFields(blob));
