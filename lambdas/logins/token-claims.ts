/** Comparison of a token's claims with a login. The signature of the token has been verified. */
import { loginLimits } from '../../contract/logins/limits.ts';
import type { OidcIdentity } from '../../contract/logins/wire.ts';
import { IdentityRefusedError } from './identity-refusal.ts';

export type Claims = Readonly<Record<string, unknown>>;

/** What the vault uses of a token. */
export interface AcceptedToken {
  readonly subject: string;
  /** The claim `jti`; undefined if the token has none. */
  readonly tokenId: string | undefined;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/**
 * @param audiences the audiences of the org, of which the token has exactly one and no other
 * @throws IdentityRefusedError
 */
export function checkClaims(
  claims: Claims,
  oidc: OidcIdentity,
  audiences: readonly string[],
  now: Date,
): AcceptedToken {
  if (claims.iss !== oidc.issuer) throw new IdentityRefusedError('token_issuer');
  const audience = Array.isArray(claims.aud) && claims.aud.length === 1 ? claims.aud[0] : claims.aud;
  // A token for several audiences could be presented here by each of them.
  if (typeof audience !== 'string' || !audiences.includes(audience)) throw new IdentityRefusedError('token_audience');
  const expiresAt = checkTimes(claims, now.getTime() / 1000);
  for (const [name, expected] of Object.entries(oidc.claims)) {
    if (textOf(claimAt(claims, name)) !== expected) throw new IdentityRefusedError('token_claims');
  }
  const { jti } = claims;
  return {
    subject: printableSubject(claims.sub),
    tokenId: typeof jti === 'string' && jti !== '' ? jti : undefined,
    expiresAt,
  };
}

function checkTimes({ exp, iat, nbf }: Claims, now: number): number {
  const { clockSkewSeconds: skew, tokenSeconds } = loginLimits;
  const isValid =
    isTime(exp) &&
    isTime(iat) &&
    (nbf === undefined || isTime(nbf)) &&
    exp + skew > now &&
    iat - skew <= now &&
    (nbf ?? 0) - skew <= now &&
    // A token that lives for days is a stored key.
    exp - iat <= tokenSeconds;
  if (!isValid) throw new IdentityRefusedError('token_time');
  return exp;
}

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0;

/** A claim by its name, or by a JSON pointer (RFC 6901) if the name begins with a slash. Inherited members are none. */
function claimAt(claims: Claims, name: string): unknown {
  if (!name.startsWith('/')) return ownMember(claims, name);
  const path = name.slice(1).split('/');
  return path.reduce<unknown>((at, part) => ownMember(at, part.replaceAll('~1', '/').replaceAll('~0', '~')), claims);
}

const ownMember = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;

/** Some issuers send ids as numbers. A number that JavaScript cannot represent exactly equals no text. */
function textOf(claim: unknown): string | undefined {
  if (typeof claim === 'string') return claim;
  if (typeof claim === 'boolean' || (typeof claim === 'number' && Number.isSafeInteger(claim))) return String(claim);
  return undefined;
}

/** The identity for the audit, without characters that could forge lines of a terminal. */
export const printableSubject = (subject: unknown): string =>
  (typeof subject === 'string' ? subject : '').replaceAll(/[^\x21-\x7e]/g, '?').slice(0, loginLimits.subjectLength);
