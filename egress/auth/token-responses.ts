/** Responses of token endpoints (RFC 6749, sections 5.1 and 5.2). They are not trusted. */
import { isUsableValue } from '../rules/usage-rules.ts';

export interface IssuedToken {
  readonly accessToken: string;
  /** A new refresh token; undefined if the old one stays. */
  readonly refreshToken: string | undefined;
  /** Seconds. */
  readonly expiresIn: number;
}

/**
 * `refused`: the provider does not accept the credential any more. `rejected`: it did not accept the request, and did
 * nothing with the credential. `limited`: it did nothing and wants to be asked later. `unclear`: nothing is known about what it did.
 */
export type TokenOutcome = IssuedToken | 'refused' | 'rejected' | 'limited' | 'unclear';

/** Used if a provider does not say how long a token is valid, seconds. */
const defaultExpiresIn = 300;
const maxExpiresIn = 86_400;

export function parseTokenResponse({
  status,
  body,
}: {
  readonly status: number;
  readonly body: Uint8Array;
}): TokenOutcome {
  if (status === 429) return 'limited';
  const fields = parseObject(body);
  // RFC 6749 section 5.2: only `invalid_grant` is about the credential itself.
  if (status === 400 || status === 401) return fields?.error === 'invalid_grant' ? 'refused' : 'rejected';
  if (status !== 200 || fields === undefined) return 'unclear';
  // Providers write null for members that they do not give.
  const given = Object.entries(fields).filter(([, member]) => member !== null);
  const { access_token, refresh_token, expires_in, token_type } = Object.fromEntries(given);
  const isBearer = token_type === undefined || (typeof token_type === 'string' && /^bearer$/i.test(token_type));
  if (!isToken(access_token) || !isBearer) return 'unclear';
  if (refresh_token !== undefined && !isToken(refresh_token)) return 'unclear';
  return { accessToken: access_token, refreshToken: refresh_token, expiresIn: secondsOf(expires_in) };
}

/** Some providers send the seconds as text. 0 if they are no number, because the token is then used only once. */
function secondsOf(given: unknown = defaultExpiresIn): number {
  const seconds = typeof given === 'number' || typeof given === 'string' ? Number(given) : 0;
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(Math.floor(seconds), maxExpiresIn) : 0;
}

function parseObject(body: Uint8Array): Record<string, unknown> | undefined {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Visible ASCII (RFC 6749 appendix A.12), of a length that responses can be searched for. */
const isToken = (value: unknown): value is string =>
  typeof value === 'string' && /^[\x20-\x7e]+$/.test(value) && isUsableValue(value);
