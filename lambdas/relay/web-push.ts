/**
 * Web Push without content: RFC 8030 with the header of RFC 8292. The library `web-push` needs the private key in memory;
 * here, KMS has it (docs/decisions/push-notices.md).
 */
import type { PublicKeySource, Signer } from '../shared/ports.ts';
import { parsePushEndpoint } from './push-endpoint.ts';
import type { Delivery, PushServices } from './socket-ports.ts';
import { applicationServerKeyOf } from './vapid.ts';

/** Half of the maximum of RFC 8292, section 2. A token is used for the first half of its time. */
const tokenSeconds = 43_200;
const tokenUseSeconds = tokenSeconds / 2;
const maxTokens = 100;

/** Sends a request with an empty body, and returns the status of the answer. @throws if there was none */
export type PostNotice = (url: URL, headers: Readonly<Record<string, string>>) => Promise<number>;

export interface WebPushDeps {
  readonly signer: Signer & PublicKeySource;
  readonly post: PostNotice;
  /** The contact of the deployment: `https://…` (RFC 8292, section 2.1). */
  readonly contact: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

interface Token {
  readonly authorization: string;
  /** Seconds since 1970. */
  readonly useUntil: number;
}

export class WebPush implements PushServices {
  readonly #deps: WebPushDeps;
  readonly #tokens = new Map<string, Token>();

  constructor(deps: WebPushDeps) {
    this.#deps = deps;
  }

  async notify(endpoint: string): Promise<Delivery> {
    // Checked again: the table is not trusted.
    const url = parsePushEndpoint(endpoint);
    if (url === undefined) return 'failed';
    try {
      const authorization = await this.#authorization(url.origin);
      const status = await this.#deps.post(url, { authorization, ttl: '86400', urgency: 'high' });
      if (status === 404 || status === 410) return 'gone';
      return status >= 200 && status <= 299 ? 'sent' : 'failed';
    } catch {
      // The message of the error can contain the endpoint.
      return 'failed';
    }
  }

  async #authorization(audience: string): Promise<string> {
    const { signer, contact, now } = this.#deps;
    const seconds = Math.floor(now() / 1000);
    const known = this.#tokens.get(audience);
    if (known !== undefined && known.useUntil > seconds) return known.authorization;
    const [key] = await signer.list();
    if (key === undefined) throw new Error('no key');
    const token = await signer.sign({ aud: audience, exp: seconds + tokenSeconds, sub: contact }, 'JWT');
    const authorization = `vapid t=${token}, k=${applicationServerKeyOf(key)}`;
    this.#tokens.delete(audience);
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size >= maxTokens && oldest !== undefined) this.#tokens.delete(oldest);
    this.#tokens.set(audience, { authorization, useUntil: seconds + tokenUseSeconds });
    return authorization;
  }
}
