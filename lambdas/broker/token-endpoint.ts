/** Asks token endpoints for access tokens. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { planAuth, type TokenAuth } from '../../egress/auth/auth-plan.ts';
import { tokenRequest } from '../../egress/auth/token-requests.ts';
import { type IssuedToken, parseTokenResponse } from '../../egress/auth/token-responses.ts';
import { type OutboundLimits, OutboundRequestError } from '../../egress/exchange/outbound-http.ts';
import { referenceKey } from '../../egress/references/secret-references.ts';
import { UseRefusal } from '../../egress/refusals/use-refusal.ts';
import type { OutboundRequest } from '../../egress/requests/outbound-request.ts';
import { checkTokenHost } from '../../egress/rules/check-use.ts';
import type { Clock } from '../shared/ports.ts';
import type { Upstream } from './broker-ports.ts';
import { assertNotVault, maxConnectMs, maxHeaderBytes, outboundError } from './exchange-rules.ts';
import { type LoadedValues, textsOf } from './loaded-values.ts';
import type { UseContext } from './use-context.ts';

/** Maximum time of an exchange with a token endpoint, milliseconds. */
export const tokenTimeoutMs = 6000;

const tokenLimits: OutboundLimits = {
  connectMs: maxConnectMs,
  totalMs: tokenTimeoutMs,
  bodyBytes: 65_536,
  headerBytes: maxHeaderBytes,
};

/** `not-done`: the provider did nothing with the credential. */
export interface TokenFailure {
  readonly failure: 'refused' | 'unclear' | 'not-done';
  readonly error: VaultError;
}

export class TokenEndpoint {
  readonly #upstream: Upstream;
  readonly #clock: Clock;
  readonly #allowsLoopback: boolean;

  constructor(upstream: Upstream, clock: Clock, allowsLoopback: boolean) {
    this.#upstream = upstream;
    this.#clock = clock;
    this.#allowsLoopback = allowsLoopback;
  }

  /**
   * The request to the token endpoint.
   * @throws UseRefusal, VaultError `use_refused`, unless all values of the scheme may be sent there
   */
  prepare(context: UseContext, auth: TokenAuth, loaded: LoadedValues): OutboundRequest {
    const { outgoing } = tokenRequest(auth, textsOf(loaded), this.#clock());
    const { url } = outgoing;
    assertNotVault(url, context.ownHosts);
    const rules = planAuth(auth).uses.flatMap(({ reference }) => {
      const value = loaded.get(referenceKey(reference));
      if (value === undefined) throw new VaultError('value_not_found');
      return checkTokenHost(reference.name, value, url);
    });
    const allowsLoopback = this.#allowsLoopback && rules.every(({ isLoopback }) => isLoopback);
    if (url.protocol !== 'https:' && !allowsLoopback) throw new UseRefusal('The token URL must begin with https://');
    return { ...outgoing, allowsLoopback };
  }

  /** Does not throw for what the provider does, because that decides about the state of the credential. */
  async send(request: OutboundRequest): Promise<IssuedToken | TokenFailure> {
    try {
      const response = await this.#upstream.send(request, tokenLimits);
      const outcome = parseTokenResponse(response);
      if (typeof outcome === 'object') return outcome;
      const error = tokenError(`The token endpoint answered with status ${response.status}`);
      if (outcome === 'rejected')
        return { failure: 'not-done', error: new VaultError('credential_refused', error.extras) };
      return { failure: outcome === 'limited' ? 'not-done' : outcome, error };
    } catch (error) {
      if (!(error instanceof OutboundRequestError)) throw error;
      return { failure: error.stage === 'exchange' ? 'unclear' : 'not-done', error: outboundError(error) };
    }
  }
}

const tokenError = (what: string): VaultError =>
  new VaultError('upstream_failed', { detail: `${what}. Nothing was sent to the host of the request.` });
