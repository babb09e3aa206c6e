/** Cookies of sessions (RFC 6265bis): out of reach of scripts, over TLS alone, of this host alone, not sent by other sites' forms. */
import { sessionCookie } from '../../contract/shared/environment-variables.ts';
import type { UnlockedUser } from './unlocked-user.ts';

/** Value of `Set-Cookie`. @param maxAgeSeconds for which the browser keeps it */
export const formatSessionCookie = (token: string, maxAgeSeconds: number): string =>
  `${sessionCookie}=${token}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}`;

/** What takes the cookie away from who came by a session that has ended now; nothing for who came otherwise. */
export const clearSessionCookie = ({ slot }: UnlockedUser): readonly string[] =>
  slot.kind === 'session' ? [formatSessionCookie('', 0)] : [];
