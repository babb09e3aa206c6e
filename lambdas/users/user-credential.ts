/** What a request of a user shows: its user key, or the session of a cookie. */
import { sessionCookie } from '../../contract/shared/environment-variables.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { parseSessionToken } from '../../core/users/session-token.ts';
import { parseUserKey, type UserKey } from '../../core/users/user-key.ts';
import { parseBearerToken } from '../api-keys/authorization.ts';
import type { UserCredential } from './unlocked-user.ts';

/**
 * The user key of an `Authorization: Bearer …` header, or else the session of the cookie. Who sends a header means
 * it: what a browser adds by itself does not make up for a bad one.
 * @param cookies as `name=value`
 * @throws VaultError `missing_credential`, `invalid_credential`
 */
export function parseUserCredential(authorization: string | undefined, cookies: readonly string[]): UserCredential {
  if (authorization !== undefined) return { kind: 'credential', key: parseBearerUserKey(authorization) };
  const values = cookies.flatMap(sessionCookieValues);
  const [value] = values;
  if (value === undefined) {
    const detail = 'Send a user key as "Authorization: Bearer anm_…_u…", or log in.';
    throw new VaultError('missing_credential', { detail });
  }
  // Of two cookies of that name, one was put there by someone else: which one is not known.
  const token = values.length === 1 ? parseSessionToken(value) : undefined;
  if (token === undefined) throw new VaultError('invalid_credential');
  return { kind: 'session', token };
}

function parseBearerUserKey(authorization: string): UserKey {
  const token = parseBearerToken(authorization);
  if (token === undefined) {
    throw new VaultError('missing_credential', { detail: 'Send a user key as "Authorization: Bearer anm_…_u…".' });
  }
  const key = parseUserKey(token);
  if (key === undefined) throw new VaultError('invalid_credential');
  return key;
}

function sessionCookieValues(cookie: string): string[] {
  const at = cookie.indexOf('=');
  return at > 0 && cookie.slice(0, at).trim() === sessionCookie ? [cookie.slice(at + 1).trim()] : [];
}
