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
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: given, token_type: type } = fields;
  if (!isToken(accessToken) || (type !== undefined && String(type).toLowerCase() !== 'bearer')) return 'unclear';
  if (refreshToken !== undefined && !isToken(refreshToken)) return 'unclear';
  const seconds = Number(given ?? defaultExpiresIn);
  const expiresIn = Number.isFinite(seconds) && seconds > 0 ? Math.min(Math.floor(seconds), maxExpiresIn) : 0;
  return { accessToken, refreshToken, expiresIn };
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
