/**
 * Session cookies (RFC 6265bis): inaccessible to scripts, sent only over TLS and only to this host, and not sent with
 * form posts from other sites.
 */
import { sessionCookie } from '../../contract/shared/environment-variables.ts';
import type { UnlockedUser } from './unlocked-user.ts';

/**
 * Returns the value of `Set-Cookie`.
 * @param maxAgeSeconds how long the browser keeps the cookie
 */
export const formatSessionCookie = (token: string, maxAgeSeconds: number): string =>
  `${sessionCookie}=${token}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}`;

/**
 * Returns a cookie that deletes the session cookie after its session has ended. Returns none for callers with another
 * credential.
 */
export const clearSessionCookie = ({ slot }: UnlockedUser): readonly string[] =>
  slot.kind === 'session' ? [formatSessionCookie('', 0)] : [];
