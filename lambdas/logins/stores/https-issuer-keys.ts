/**
 * Fetches the keys of issuers: discovery document, then JWK set (OpenID Connect Discovery 1.0 section 4, RFC 7517). Only
 * from public addresses, over https, without redirects.
 */

import type { IssuerKey } from '../../../contract/logins/wire.ts';
import { OutboundRequestError, sendOutboundRequest } from '../../../egress/exchange/outbound-http.ts';
import type { IssuerKeySource } from '../login-ports.ts';

const limits = { connectMs: 2_000, totalMs: 4_000, bodyBytes: 262_144, headerBytes: 16_384 };
const maxKeys = 100;

export class HttpsIssuerKeys implements IssuerKeySource {
  readonly #allowsLoopback: boolean;

  /** @param allowsLoopback whether an issuer can be `http://127.0.0.1:…`. Only in the local vault */
  constructor(allowsLoopback: boolean) {
    this.#allowsLoopback = allowsLoopback;
  }

  async fetchKeys(issuer: string): Promise<readonly IssuerKey[] | undefined> {
    const discovery = await this.#fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    // A document of another issuer would bring the keys of that issuer.
    if (discovery?.issuer !== issuer) return undefined;
    const keySet = await this.#fetchJson(discovery.jwks_uri);
    return Array.isArray(keySet?.keys) ? keySet.keys.slice(0, maxKeys).flatMap(publicMembers) : undefined;
  }

  /** The JSON object at an address; undefined if there is none, or the address is not allowed. */
  async #fetchJson(address: unknown): Promise<Record<string, unknown> | undefined> {
    if (typeof address !== 'string' || !URL.canParse(address)) return undefined;
    const url = new URL(address);
    const allowsLoopback = this.#allowsLoopback;
    const isAllowed = url.protocol === 'https:' ? url.port === '' : allowsLoopback && url.protocol === 'http:';
    if (!isAllowed || url.username !== '' || url.password !== '') return undefined;
    const headers = new Map([['accept', 'application/json']]);
    const request = { url, method: 'GET', headers, body: undefined, allowsLoopback };
    try {
      const { status, body } = await sendOutboundRequest(request, limits);
      return status === 200 && body.length < limits.bodyBytes ? parseObject(body) : undefined;
    } catch (error) {
      if (error instanceof OutboundRequestError) return undefined;
      throw error;
    }
  }
}

function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : undefined;
  } catch {
    // A parser's message would quote the document.
    return undefined;
  }
}

const textMembers = ['alg', 'crv', 'x', 'y', 'n', 'e'] as const;
const maxMemberLength = 1_400;
/** An RSA exponent of more bytes would only make verification slow. */
const maxExponentLength = 8;

/** The members of a signature key that verification needs. Keys of other types and uses are left out. */
function publicMembers(key: unknown): IssuerKey[] {
  if (typeof key !== 'object' || key === null) return [];
  const { kty, kid, use, e }: Record<string, unknown> = { ...key };
  if ((kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP') || typeof kid !== 'string') return [];
  if (use !== undefined && use !== 'sig') return [];
  if (typeof e === 'string' && e.length > maxExponentLength) return [];
  const members = textMembers.flatMap((name) => {
    const member: unknown = Reflect.get(key, name);
    return typeof member === 'string' && member.length <= maxMemberLength ? [[name, member] as const] : [];
  });
  return [{ kty, kid, ...Object.fromEntries(members) }];
}
