/** Parses the credential of a user request: a user key, or a session from a cookie. */
import { sessionCookie } from '../../contract/shared/environment-variables.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { parseSessionToken } from '../../core/users/session-token.ts';
import { parseUserKey, type UserKey } from '../../core/users/user-key.ts';
import { parseBearerToken } from '../api-keys/authorization.ts';
import { trimOptionalWhiteSpace } from '../shared/optional-white-space.ts';
import type { UserCredential } from './unlocked-user.ts';

/**
 * Returns the user key of an `Authorization: Bearer …` header. Without the header, returns the session of the cookie. A
 * caller sends the header deliberately, so a cookie that the browser adds does not replace an invalid header.
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
  // If there are two cookies of this name, someone else set one of them, and it is unknown which one.
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

/**
 * The values of the session cookie in a list of cookies (RFC 6265 section 4.2.1). Only spaces and tabs around a name
 * are ignored. `trim` would also remove U+00A0 and its kin, which browsers keep: another host of the domain could set
 * such a name without the restrictions of the prefix `__Host-`.
 */
function sessionCookieValues(cookies: string): string[] {
  return cookies.split(';').flatMap((cookie) => {
    const at = cookie.indexOf('=');
    const isSession = at > 0 && trimOptionalWhiteSpace(cookie.slice(0, at)) === sessionCookie;
    return isSession ? [trimOptionalWhiteSpace(cookie.slice(at + 1))] : [];
  });
}
