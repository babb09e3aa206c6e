/** The stored form of a request for a secret (docs/secret-requests.md, section 7). */
import { DecryptionError } from '../decryption-error.ts';
import { canonicalJson } from '../encoding/canonical-json.ts';
import { requireObjectFields } from '../encoding/stored-record-fields.ts';
import { type AuthenticationKey, computeRecordMac, verifyRecordMac } from '../records/authentication-key.ts';

export interface SecretRequestRecord {
  /** Canonical JSON of the request, without its organization. */
  readonly request: string;
  /** Base64 of the MAC over the JSON. */
  readonly mac: string;
}

const macFields = ({ org }: AuthenticationKey, id: string, request: string) =>
  ['anima:secret-request:v1', org, id, request] as const;

export function encodeSecretRequest(
  key: AuthenticationKey,
  request: object & { readonly id: string },
): SecretRequestRecord {
  const text = canonicalJson(request);
  return { request: text, mac: computeRecordMac(key, macFields(key, request.id, text)) };
}

/**
 * Verifies and parses a stored request.
 * @throws DecryptionError if the vault did not write it for this organization and id
 */
export function decodeSecretRequest(key: AuthenticationKey, id: string, { request, mac }: SecretRequestRecord): object {
  verifyRecordMac(key, mac, macFields(key, id, request));
  const fields = requireObjectFields(JSON.parse(request));
  if (fields.id !== id) throw new DecryptionError();
  return fields;
}
