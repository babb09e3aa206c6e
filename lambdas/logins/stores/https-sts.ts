/** Sends GetCallerIdentity requests to STS: to the host of the list, over https, without redirects. */

import { VaultError } from '../../../contract/shared/vault-error.ts';
import { OutboundRequestError, sendOutboundRequest } from '../../../egress/exchange/outbound-http.ts';
import type { CallerIdentityRequest, SecurityTokenService } from '../login-ports.ts';

const limits = { connectMs: 2_000, totalMs: 5_000, bodyBytes: 16_384, headerBytes: 16_384 };

const unavailableDetail = 'AWS STS did not answer. No key was created. Send a newly signed request.';

export class HttpsSts implements SecurityTokenService {
  readonly #localEndpoint: string | undefined;

  /** @param localEndpoint emulated STS, only in the local vault */
  constructor(localEndpoint: string | undefined) {
    this.#localEndpoint = localEndpoint;
  }

  async getCallerIdentity({ host, headers, body }: CallerIdentityRequest): Promise<string | undefined> {
    const url = new URL(this.#localEndpoint ?? `https://${host}/`);
    const request = {
      url,
      method: 'POST',
      headers,
      body: Buffer.from(body),
      allowsLoopback: this.#localEndpoint !== undefined,
    };
    try {
      const { status, body: answer } = await sendOutboundRequest(request, limits);
      if (status === 200 && answer.length < limits.bodyBytes) return answer.toString('utf8');
      // STS throttles with 400 or 429, and the same signature can then succeed.
      if (status === 429 || status >= 500 || answer.includes('Throttling')) throw unavailable();
      return undefined;
    } catch (error) {
      if (error instanceof OutboundRequestError) throw unavailable();
      throw error;
    }
  }
}

const unavailable = () => new VaultError('unavailable', { detail: unavailableDetail });
