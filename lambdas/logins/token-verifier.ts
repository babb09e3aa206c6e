/**
 * Verification of OpenID Connect tokens (RFC 7519, RFC 8725). The algorithm comes from the login, never from the token
 * alone, and the key from the issuer: the headers `jwk`, `jku`, `x5c` and `x5u` are not looked at.
 */
import { compactVerify, createLocalJWKSet, decodeProtectedHeader, errors } from 'jose';
import { type TokenAlgorithm, tokenAlgorithms } from '../../contract/logins/algorithms.ts';
import type { OidcIdentity } from '../../contract/logins/wire.ts';
import type { Clock } from '../shared/ports.ts';
import { IdentityRefusedError } from './identity-refusal.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { defaultAlgorithms } from './issuer-rules.ts';
import { type AcceptedToken, type Claims, checkClaims } from './token-claims.ts';

interface TokenHeader {
  readonly alg: TokenAlgorithm;
  readonly kid: string;
}

export class TokenVerifier {
  readonly #issuerKeys: IssuerKeys;
  readonly #clock: Clock;

  constructor(issuerKeys: IssuerKeys, clock: Clock) {
    this.#issuerKeys = issuerKeys;
    this.#clock = clock;
  }

  /**
   * Verifies a token for a login.
   * @throws IdentityRefusedError; VaultError `unavailable` if the keys of the issuer cannot be fetched
   */
  async verify(token: string, oidc: OidcIdentity, audiences: readonly string[]): Promise<AcceptedToken> {
    const { alg, kid } = parseTokenHeader(token);
    const algorithms = oidc.algorithms ?? defaultAlgorithms(oidc.issuer);
    if (!algorithms.includes(alg)) throw new IdentityRefusedError('token_algorithm');
    // Compared before the signature, so that a token of another issuer causes no fetch.
    if (parsePayload(token).iss !== oidc.issuer) throw new IdentityRefusedError('token_issuer');
    const keys =
      oidc.keys === undefined
        ? await this.#issuerKeys.find(oidc.issuer, kid)
        : oidc.keys.filter((key) => key.kid === kid);
    const claims = await verifySignature(token, keys.map(withoutUndefined), algorithms);
    return checkClaims(claims, oidc, audiences, this.#clock());
  }
}

/** @throws IdentityRefusedError if no login could accept a token with this header */
export function parseTokenHeader(token: string): TokenHeader {
  let header: ReturnType<typeof decodeProtectedHeader>;
  try {
    header = decodeProtectedHeader(token);
  } catch {
    throw new IdentityRefusedError('token_form');
  }
  const { alg, kid, typ, crit } = header;
  // Tokens for other purposes have other types, such as `logout+jwt` (RFC 8725 section 3.11).
  const isPlain = typ === undefined || (typeof typ === 'string' && typ.toUpperCase() === 'JWT');
  if (typeof kid !== 'string' || kid === '' || !isPlain || crit !== undefined) {
    throw new IdentityRefusedError('token_form');
  }
  const known = tokenAlgorithms.find((one) => one === alg);
  if (known === undefined) throw new IdentityRefusedError('token_algorithm');
  return { alg: known, kid };
}

function parsePayload(token: string): Claims {
  return parseClaims(Buffer.from(token.split('.')[1] ?? '', 'base64url'));
}

function parseClaims(bytes: Uint8Array): Claims {
  try {
    const claims: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) return { ...claims };
  } catch {
    // Refused below: a parser's message would quote the token.
  }
  throw new IdentityRefusedError('token_form');
}

async function verifySignature(
  token: string,
  keys: readonly { kty: string }[],
  algorithms: readonly TokenAlgorithm[],
): Promise<Claims> {
  try {
    const { payload } = await compactVerify(token, createLocalJWKSet({ keys: [...keys] }), {
      algorithms: [...algorithms],
    });
    return parseClaims(payload);
  } catch (error) {
    if (error instanceof IdentityRefusedError) throw error;
    const isKey = error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
    // Other errors of the library also mean a refusal: a key that cannot be imported, or is too short.
    throw new IdentityRefusedError(isKey ? 'token_key' : 'token_signature');
  }
}

const withoutUndefined = <T extends { kty: string }>(key: T): T =>
  Object.fromEntries(Object.entries(key).filter(([, member]) => member !== undefined)) as T;
