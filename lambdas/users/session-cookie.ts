/** Cookies of sessions (RFC 6265bis): out of reach of scripts, over TLS alone, of this host alone, not sent by other sites' forms. */
import { sessionCookie } from '../../contract/shared/environment-variables.ts';
import type { OpenUser } from './unlocked-user.ts';

/** Value of `Set-Cookie`. @param seconds for which the browser keeps it */
export const cookieOf = (token: string, seconds: number): string =>
  `${sessionCookie}=${token}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${seconds}`;

/** What takes the cookie away from who came by a session that has ended now; nothing for who came otherwise. */
export const endsSession = ({ slot }: OpenUser): readonly string[] =>
  slot.kind === 'session' ? [cookieOf('', 0)] : [];
