/** The MAC of an API-key record (docs/format.md, section 5). */
import { encodeLengthPrefixedFields, type Field, optionalField } from '../encoding/length-prefixed-fields.ts';
import { type AuthenticationKey, computeRecordMac, verifyRecordMac } from '../records/authentication-key.ts';

/** What an API-key record grants. None of it changes after the key was created. */
export interface ApiKeyGrant {
  readonly org: string;
  readonly id: string;
  readonly role: string;
  /** Base64 of the SHA-256 of the key's secret. */
  readonly hash: string;
  readonly createdAt: string;
  readonly name?: string | undefined;
  readonly expiresAt?: string | undefined;
  readonly verbs?: readonly string[] | undefined;
  readonly prefixes?: readonly string[] | undefined;
  /** The login that gave the key, and the identity that logged in. */
  readonly origin?: { readonly login: string; readonly subject: string } | undefined;
}

const optionalList = (list: readonly string[] | undefined): Field =>
  optionalField(list === undefined ? undefined : encodeLengthPrefixedFields(...list));

const macFields = ({
  org,
  id,
  role,
  hash,
  createdAt,
  name,
  expiresAt,
  verbs,
  prefixes,
  origin,
}: ApiKeyGrant): Field[] => [
  'anima:api-key:v1',
  org,
  id,
  role,
  hash,
  createdAt,
  optionalField(name),
  optionalField(expiresAt),
  optionalList(verbs),
  optionalList(prefixes),
  optionalList(origin && [origin.login, origin.subject]),
];

/** The MAC of a record, base64. */
export const computeApiKeyMac = (key: AuthenticationKey, grant: ApiKeyGrant): string =>
  computeRecordMac(key, macFields(grant));

/**
 * Rejects a record that the vault did not write.
 * @throws DecryptionError
 */
export const verifyApiKeyMac = (key: AuthenticationKey, grant: ApiKeyGrant, mac: string | undefined): void =>
  verifyRecordMac(key, mac, macFields(grant));
