/** Authentication and authorization: deny by default, on what was read for this very request. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { roles } from '../../contract/roles.ts';
import type { Verb } from '../../contract/routes.ts';
import { VaultError } from '../../contract/vault-error.ts';
import { type ApiKey, parseApiKey } from '../../core/api-key.ts';
import type { Caller, StoredApiKey } from './ports.ts';

/** What is stored of a secret (docs/format.md, section 6). */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('base64');

/** The key of an `Authorization: Bearer …` header (RFC 6750 section 2.1). @throws VaultError `missing_api_key`, `invalid_api_key` */
export function presentedKey(authorization: string | undefined): ApiKey {
  const [scheme = '', token = '', ...rest] = (authorization ?? '').split(' ');
  if (scheme.toLowerCase() !== 'bearer' || token === '') {
    throw new VaultError('missing_api_key', { detail: 'Send it as "Authorization: Bearer anm_…".' });
  }
  const key = rest.length === 0 ? parseApiKey(token) : undefined;
  if (key === undefined) throw new VaultError('invalid_api_key');
  return key;
}

const noHash = Buffer.alloc(32);

/**
 * Proves that the presented key is the stored one. An unknown key takes the same comparison as a wrong secret, and
 * gets the same answer; that it was revoked is told only to whoever holds it.
 * @throws VaultError `invalid_api_key`, `api_key_revoked`
 */
export function authenticate(presented: ApiKey, stored: StoredApiKey | undefined): Caller {
  const expected = stored === undefined ? noHash : Buffer.from(stored.hash, 'base64');
  const actual = Buffer.from(hashSecret(presented.secret), 'base64');
  const matches = expected.length === actual.length && timingSafeEqual(expected, actual);
  if (stored === undefined || !matches) throw new VaultError('invalid_api_key');
  if (stored.org !== presented.org || stored.id !== presented.id) throw new VaultError('invalid_api_key');
  if (stored.revokedAt !== undefined) throw new VaultError('api_key_revoked');
  return { org: stored.org, keyId: stored.id, role: stored.role };
}

/** @throws VaultError `forbidden` */
export function authorize(caller: Caller, verb: Verb): void {
  const allowed: readonly Verb[] = roles[caller.role];
  if (!allowed.includes(verb)) {
    throw new VaultError('forbidden', { detail: `Keys of the role ${caller.role} lack the verb ${verb}.` });
  }
}
