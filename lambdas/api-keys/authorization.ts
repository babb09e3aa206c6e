/**
 * Authentication and authorization of API keys. Access is denied by default. Every decision uses records that were read
 * for the same request.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { channelSecretsPrefix } from '../../contract/shared/environment-variables.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { Verb } from '../../contract/shared/verbs.ts';
import { type ApiKey, parseApiKey } from '../../core/api-keys/api-key.ts';
import { hasPassed } from '../shared/timestamps.ts';
import { validateName } from '../shared/value-names.ts';
import type { Caller, StoredApiKey } from './api-key-ports.ts';
import { allowsList, allowsName, effectivePermissions, isReserved, type NameScope } from './permissions.ts';

/** The stored hash of a key's secret: base64 of its SHA-256 (docs/format.md, section 6). */
export const hashApiKeySecret = (secret: string): string => createHash('sha256').update(secret).digest('base64');

/**
 * The token of an `Authorization: Bearer …` header (RFC 6750 section 2.1); undefined if the header is absent or not a
 * bearer token.
 */
export const parseBearerToken = (authorization: string | undefined): string | undefined =>
  /^bearer ([^ ].*)$/is.exec(authorization ?? '')?.[1];

/**
 * Parses the API key of an `Authorization: Bearer …` header. @throws VaultError `missing_api_key`, `invalid_api_key`
 */
export function parseApiKeyHeader(authorization: string | undefined): ApiKey {
  const token = parseBearerToken(authorization);
  if (token === undefined) {
    throw new VaultError('missing_api_key', { detail: 'Send it as "Authorization: Bearer anm_…".' });
  }
  const key = parseApiKey(token);
  if (key === undefined) throw new VaultError('invalid_api_key');
  return key;
}

const placeholderHash = Buffer.alloc(32);

/**
 * Verifies that the presented key matches the stored one, and returns the stored one. An unknown key takes the same
 * comparison and gets the same error as a wrong secret. The record is not authenticated yet, and the key can have
 * ended: see {@link ApiKeyVerifier} and {@link callerOf}.
 * @throws VaultError `invalid_api_key`
 */
export function verifyApiKey(presented: ApiKey, stored: StoredApiKey | undefined): StoredApiKey {
  const expected = stored === undefined ? placeholderHash : Buffer.from(stored.hash, 'base64');
  const actual = Buffer.from(hashApiKeySecret(presented.secret), 'base64');
  const matches = expected.length === actual.length && timingSafeEqual(expected, actual);
  if (stored === undefined || !matches) throw new VaultError('invalid_api_key');
  if (stored.org !== presented.org || stored.id !== presented.id) throw new VaultError('invalid_api_key');
  return stored;
}

/**
 * The caller with a verified key. Only the holder of the correct secret learns that a key was revoked or has expired.
 * @throws VaultError `api_key_revoked`, `api_key_expired`
 */
export function callerOf(stored: StoredApiKey, now: Date): Caller {
  if (stored.revokedAt !== undefined) throw new VaultError('api_key_revoked');
  if (hasPassed(stored.expiresAt, now)) throw new VaultError('api_key_expired');
  if (hasPassed(stored.overlapEndsAt, now)) {
    throw new VaultError('api_key_expired', { detail: 'It was replaced by another key.' });
  }
  return {
    org: stored.org,
    keyId: stored.id,
    role: stored.role,
    ...effectivePermissions(stored),
    expiresAt: effectiveExpiry(stored),
    ...(stored.origin === undefined ? {} : { origin: stored.origin }),
    ...(stored.overlapEndsAt === undefined ? {} : { replaced: true }),
  };
}

/** When a key stops working: at its expiry or at the end of its rotation overlap, whichever is earlier. */
export function effectiveExpiry({ expiresAt, overlapEndsAt }: StoredApiKey): string | undefined {
  if (expiresAt === undefined || overlapEndsAt === undefined) return expiresAt ?? overlapEndsAt;
  return Date.parse(expiresAt) < Date.parse(overlapEndsAt) ? expiresAt : overlapEndsAt;
}

/**
 * Checks that a caller may use a verb, and may use it on the given names.
 * @throws VaultError `forbidden`; `invalid_name` for a malformed name
 */
export function authorize(caller: Caller, verb: Verb, names: readonly string[] = []): void {
  if (!caller.verbs.includes(verb)) {
    throw new VaultError('forbidden', { detail: `This key has the role ${caller.role} and lacks the verb ${verb}.` });
  }
  if (caller.replaced === true && verb === 'keys.write')
    throw new VaultError('forbidden', { detail: replacedKeyDetail });
  for (const name of names) authorizeName(caller, name);
}

/**
 * A key is often replaced because it leaked. During the overlap it must not create a key that outlives it, revoke its
 * replacement, or lock out other keys.
 */
const replacedKeyDetail =
  'This key was replaced and cannot create, rotate or revoke keys during its overlap. Nothing was changed. ' +
  'Use its replacement or another admin key.';

/** @throws VaultError `invalid_name`, `forbidden` */
export function authorizeName(caller: Caller, name: string): void {
  if (!allowsName(caller, validateName(name)))
    throw outOfScopeError(caller, name, 'This key is limited to other names.');
}

const reservedNameDetail =
  `Names under ${channelSecretsPrefix} hold the secrets that authenticate incoming messages. ` +
  'They are available only to admin keys without prefixes and to keys whose prefixes include them. ' +
  `Use such a key, or create one with the prefix ${channelSecretsPrefix}.`;

/**
 * Builds a `forbidden` error that says what to do. A key without prefixes gets a separate detail for reserved names,
 * because "limited to other names" would not match anything its holder can see.
 */
const outOfScopeError = ({ prefixes }: NameScope, path: string, limitedDetail: string): VaultError =>
  new VaultError('forbidden', {
    detail: prefixes === undefined && isReserved(path) ? reservedNameDetail : limitedDetail,
  });

/**
 * Checks that a caller may list the names with a prefix. A prefix beyond the key's permissions is refused, not
 * narrowed: a list that silently omits names would look complete. Reserved names are the exception. They are left out
 * of lists for keys that have no prefixes and no access to reserved names, because "all names" does not include them
 * for such a key (docs/channels.md).
 * @throws VaultError `forbidden`
 */
export function authorizeList(caller: Caller, prefix: string): void {
  if (!allowsList(caller, prefix)) {
    throw outOfScopeError(caller, prefix, 'This key is limited to certain folders. Use a prefix within one of them.');
  }
}
