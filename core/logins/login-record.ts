/** The stored form of a login of an identity of another system (docs/workload-identity.md, section 2). */
import { DecryptionError } from '../decryption-error.ts';
import { canonicalJson } from '../encoding/canonical-json.ts';
import { requireObjectFields } from '../encoding/stored-record-fields.ts';
import { type AuthenticationKey, computeRecordMac, verifyRecordMac } from '../records/authentication-key.ts';

export interface LoginRecord {
  /** Canonical JSON of the login, without its organization. */
  readonly login: string;
  /** Base64 of the MAC over the JSON. */
  readonly mac: string;
}

const macFields = ({ org }: AuthenticationKey, id: string, login: string) =>
  ['anima:login:v1', org, id, login] as const;

export function encodeLoginRecord(key: AuthenticationKey, login: object & { readonly id: string }): LoginRecord {
  const text = canonicalJson(login);
  return { login: text, mac: computeRecordMac(key, macFields(key, login.id, text)) };
}

/**
 * Verifies and parses a stored login.
 * @throws DecryptionError if the vault did not write it for this organization and id
 */
export function decodeLoginRecord(key: AuthenticationKey, id: string, { login, mac }: LoginRecord): object {
  verifyRecordMac(key, mac, macFields(key, id, login));
  // The MAC covers the text, so these checks only find errors of the vault itself.
  const fields = requireObjectFields(JSON.parse(login));
  if (fields.id !== id) throw new DecryptionError();
  return fields;
}
