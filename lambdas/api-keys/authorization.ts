/** Authentication and authorization: deny by default, on what was read for this very request. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { channelSecretsPrefix } from '../../contract/shared/environment-variables.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { Verb } from '../../contract/shared/verbs.ts';
import { type ApiKey, parseApiKey } from '../../core/api-keys/api-key.ts';
import { hasPassed } from '../shared/timestamps.ts';
import { validateName } from '../shared/value-names.ts';
import type { Caller, StoredApiKey } from './api-key-ports.ts';
import { allowsList, allowsName, effectivePermissions, isReserved, type NameScope } from './permissions.ts';

/** What is stored of a secret (docs/format.md, section 6). */
export const hashApiKeySecret = (secret: string): string => createHash('sha256').update(secret).digest('base64');

/** All that an `Authorization: Bearer …` header carries (RFC 6750 section 2.1); undefined when it is none. */
export const parseBearerToken = (authorization: string | undefined): string | undefined =>
  /^bearer ([^ ].*)$/is.exec(authorization ?? '')?.[1];

/** The key of an `Authorization: Bearer …` header. @throws VaultError `missing_api_key`, `invalid_api_key` */
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
 * Proves that the presented key is the stored one. An unknown key takes the same comparison as a wrong secret, and
 * gets the same answer; that it was revoked or has expired is told only to whoever holds it.
 * @throws VaultError `invalid_api_key`, `api_key_revoked`, `api_key_expired`
 */
export function authenticateApiKey(presented: ApiKey, stored: StoredApiKey | undefined, now: Date): Caller {
  const expected = stored === undefined ? placeholderHash : Buffer.from(stored.hash, 'base64');
  const actual = Buffer.from(hashApiKeySecret(presented.secret), 'base64');
  const matches = expected.length === actual.length && timingSafeEqual(expected, actual);
  if (stored === undefined || !matches) throw new VaultError('invalid_api_key');
  if (stored.org !== presented.org || stored.id !== presented.id) throw new VaultError('invalid_api_key');
  if (stored.revokedAt !== undefined) throw new VaultError('api_key_revoked');
  if (hasPassed(stored.expiresAt, now)) throw new VaultError('api_key_expired');
  if (hasPassed(stored.overlapEndsAt, now)) {
    throw new VaultError('api_key_expired', { detail: 'Another key has replaced it.' });
  }
  return {
    org: stored.org,
    keyId: stored.id,
    role: stored.role,
    ...effectivePermissions(stored),
    expiresAt: effectiveExpiry(stored),
  };
}

/** When a key ends: by its own expiry or with the overlap of its rotation, whichever is earlier. */
export function effectiveExpiry({ expiresAt, overlapEndsAt }: StoredApiKey): string | undefined {
  if (expiresAt === undefined || overlapEndsAt === undefined) return expiresAt ?? overlapEndsAt;
  return Date.parse(expiresAt) < Date.parse(overlapEndsAt) ? expiresAt : overlapEndsAt;
}

/**
 * Lets a caller use a verb, on these names if it is about names.
 * @throws VaultError `forbidden`; `invalid_name` for what is no name at all
 */
export function authorize(caller: Caller, verb: Verb, names: readonly string[] = []): void {
  if (!caller.verbs.includes(verb)) {
    throw new VaultError('forbidden', { detail: `This key, of the role ${caller.role}, lacks the verb ${verb}.` });
  }
  for (const name of names) authorizeName(caller, name);
}

/** @throws VaultError `invalid_name`, `forbidden` */
export function authorizeName(caller: Caller, name: string): void {
  if (!allowsName(caller, validateName(name)))
    throw outOfScopeError(caller, name, 'This key is limited to other names.');
}

const reservedNameDetail =
  `Names under ${channelSecretsPrefix} hold the secrets by which messages are believed: they are for admin keys that are not limited to ` +
  `other names, and for keys whose prefixes name them. Use such a key, or make one with the prefix ${channelSecretsPrefix}.`;

/** A refusal that says what to do: a key without prefixes is limited to nothing that its holder could see. */
const outOfScopeError = ({ prefixes }: NameScope, path: string, limitedDetail: string): VaultError =>
  new VaultError('forbidden', {
    detail: prefixes === undefined && isReserved(path) ? reservedNameDetail : limitedDetail,
  });

/**
 * Lets a caller list what begins with a prefix. A wider one than its key covers is refused rather than narrowed: a
 * list that silently lacks names would pass for the whole. Reserved names are the one exception, for keys that are not limited to
 * prefixes and have no part in them: they do not belong to what such a key calls all names (docs/channels.md).
 * @throws VaultError `forbidden`
 */
export function authorizeList(caller: Caller, prefix: string): void {
  if (!allowsList(caller, prefix)) {
    throw outOfScopeError(caller, prefix, 'This key is limited to some folders: give a prefix within one.');
  }
}
