/** Makes one request with values for a caller that does not see them (docs/broker.md, section 6). */
import { fetchLimits } from '../../contract/broker/limits.ts';
import type { FetchRequest, FetchResponse, PendingFetch } from '../../contract/broker/wire.ts';
import type { ErrorCode } from '../../contract/shared/error-codes.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { zeroShares } from '../../core/approvals/sealed-value-form.ts';
import { isTokenAuth } from '../../egress/auth/auth-plan.ts';
import { type SignedRequest, signOutgoing, type UnsentRequest } from '../../egress/auth/sign-request.ts';
import { OutboundRequestError } from '../../egress/exchange/outbound-http.ts';
import { toShownResponse } from '../../egress/exchange/shown-response.ts';
import { ResponseRedactor, redactionLookAhead } from '../../egress/redaction/response-redactor.ts';
import { referenceKey } from '../../egress/references/secret-references.ts';
import { UseRefusal } from '../../egress/refusals/use-refusal.ts';
import { combineApprovalRules } from '../../egress/rules/approval-rules.ts';
import { type AllowedUse, checkUse } from '../../egress/rules/check-use.ts';
import type { UseEnd } from '../approvals/approval-ports.ts';
import type { Clock } from '../shared/ports.ts';
import type { ValueReader } from '../values/value-reader.ts';
import type { AccessTokens } from './access-tokens.ts';
import type { UseApprovals } from './approvals.ts';
import type { Upstream, UseCounterStore } from './broker-ports.ts';
import { assertNotVault, asVaultErrors, maxConnectMs, maxHeaderBytes } from './exchange-rules.ts';
import { isTokenReference, type KnownValues, type SentText, tokenIdOf, tokenReference } from './known-values.ts';
import { type LoadedValues, loadValues, readKnownText, textsOf } from './loaded-values.ts';
import { type PreparedFetch, prepareFetch } from './prepared-fetch.ts';
import { hasSealedValues, openSealedValues } from './sealed-values.ts';
import type { UseContext } from './use-context.ts';

export interface FetchServices {
  readonly reader: ValueReader;
  readonly known: KnownValues;
  readonly counters: UseCounterStore;
  readonly tokens: AccessTokens;
  readonly approvals: Pick<UseApprovals, 'decide'>;
  readonly upstream: Upstream;
  readonly clock: Clock;
  /** Whether rules may name addresses of this machine. Only in the local vault. */
  readonly allowsLoopback: boolean;
}

/** Milliseconds of a request that are left for its last steps: the search and the audit record. */
const finalReserveMs = 1500;

export class FetchService {
  readonly #services: FetchServices;

  constructor(services: FetchServices) {
    this.#services = services;
  }

  /**
   * @param onStatus is called with the host's status as soon as it is known
   * @throws VaultError (docs/broker.md, section 7); DecryptionError
   */
  fetch(
    context: UseContext,
    request: FetchRequest,
    onStatus: (status: number) => void,
  ): Promise<FetchResponse | PendingFetch> {
    return asVaultErrors(() => this.#fetch(context, request, onStatus));
  }

  async #fetch(
    context: UseContext,
    request: FetchRequest,
    onStatus: (status: number) => void,
  ): Promise<FetchResponse | PendingFetch> {
    const prepared = prepareFetch(request);
    const { reader } = this.#services;
    const loaded = await loadValues(reader, context.keys, context.values, prepared.uses, context.onTripwire);
    const allowed = this.#checkUses(prepared, loaded);
    assertNotVault(prepared.draft.url, context.ownHosts);
    const isSealed = hasSealedValues(loaded);
    if (prepared.auth !== undefined && isTokenAuth(prepared.auth) && isSealed)
      throw new UseRefusal('No access token is made from a value of custody approval', 'use_refused');
    // A sealed value is put in its place after it was opened.
    const filled = isSealed ? undefined : prepared.draft.fill(textsOf(loaded));
    const checked = { prepared, loaded, filled, allowed, progress: { end: 'not-sent' as UseEnd } };
    const rule = combineApprovalRules(allowed.map(({ approval }) => approval));
    if (rule === undefined) {
      if (isSealed) throw new UseRefusal('A value of custody approval names no approver', 'use_refused');
      if (request.approval !== undefined && 'id' in request.approval) throw new VaultError('approval_mismatch');
      await context.recordStart(undefined);
      return await this.#send(context, request, checked, onStatus);
    }
    const use = await this.#services.approvals.decide(context, request, prepared, loaded, rule);
    if ('approval' in use) return use;
    try {
      const opened = await openSealedValues(context.org, loaded, use.shares);
      await context.recordStart(use.proof);
      return await this.#send(context, request, { ...checked, loaded: opened }, onStatus);
    } finally {
      zeroShares(use.shares);
      await use.end(checked.progress.end);
    }
  }

  async #send(
    context: UseContext,
    request: FetchRequest,
    { prepared, loaded, filled, allowed, progress }: CheckedFetch,
    onStatus: (status: number) => void,
  ): Promise<FetchResponse> {
    const { tokens, upstream, clock } = this.#services;
    const { draft, auth } = prepared;
    const values = textsOf(loaded);
    const { outgoing, composites } = filled ?? draft.fill(values);
    await this.#count(context.org, allowed);
    const token =
      auth !== undefined && isTokenAuth(auth)
        ? await tokens.get(context, auth, loaded).catch((error: unknown) => {
            progress.end = endAfterTokenError(error);
            throw error;
          })
        : undefined;
    const base = await this.#services.known.remember(
      context.org,
      draft.url.hostname,
      [
        ...sentTexts(loaded),
        ...(token === undefined ? [] : [{ reference: tokenReference(token.id), texts: token.texts }]),
      ],
      (reference) => this.#readTexts(context, reference),
    );
    const signed = await this.#sign(prepared, outgoing, values, token?.accessToken);
    const derived = [...signed.derived, ...sealedTexts(loaded)];
    const isKnown = derived.length + composites.length === 0;
    const redactor = isKnown ? base : new ResponseRedactor(derived, base, composites);
    const responseBytes = Math.min(
      request.maxResponseBytes ?? fetchLimits.responseBytes,
      ...allowed.flatMap((use) => use.responseBytes ?? []),
    );
    const left = context.deadline - clock().getTime() - finalReserveMs;
    const totalMs = Math.min(request.timeoutMs ?? fetchLimits.timeoutMs, left);
    if (totalMs <= 0) throw new VaultError('upstream_timeout', { detail: 'Nothing was sent to the host.' });
    progress.end = 'unknown';
    const incoming = await sendOrNot(progress, () =>
      upstream.send(
        { ...signed.outgoing, allowsLoopback: this.#allowsLoopback(allowed.map(({ host }) => host)) },
        {
          connectMs: Math.min(totalMs, maxConnectMs),
          totalMs,
          bodyBytes: responseBytes + redactionLookAhead,
          headerBytes: maxHeaderBytes,
        },
      ),
    );
    progress.end = 'done';
    onStatus(incoming.status);
    return toShownResponse(incoming, redactor, responseBytes, signed.outgoing.url);
  }

  #allowsLoopback(rules: readonly { readonly isLoopback: boolean }[]): boolean {
    return this.#services.allowsLoopback && rules.length > 0 && rules.every(({ isLoopback }) => isLoopback);
  }

  /** @throws UseRefusal */
  #checkUses({ uses, draft, method }: PreparedFetch, loaded: LoadedValues): NamedUse[] {
    const request = { url: draft.url, method, now: this.#services.clock() };
    return uses.flatMap(({ reference, part, header }) => {
      const value = loaded.get(referenceKey(reference));
      if (value === undefined) throw new VaultError('value_not_found');
      const { name } = reference;
      return checkUse({ name, part, header }, value, request).map((use) => ({ ...use, name }));
    });
  }

  /** Counts one use of each value that has a limit. @throws VaultError `use_limit_reached` */
  async #count(org: string, allowed: readonly NamedUse[]): Promise<void> {
    const now = this.#services.clock().getTime();
    const minute = Math.floor(now / 60_000);
    const limits = new Map<string, number>();
    for (const { name, perMinute } of allowed)
      if (perMinute !== undefined) limits.set(name, Math.min(perMinute, limits.get(name) ?? perMinute));
    for (const [name, limit] of limits) {
      if (await this.#services.counters.count(org, name, minute, limit)) continue;
      throw new VaultError('use_limit_reached', {
        detail: `${name} is allowed ${limit} times in each minute. Nothing was sent.`,
        retryAfterSeconds: Math.ceil(((minute + 1) * 60_000 - now) / 1000),
      });
    }
  }

  async #sign(
    { auth }: PreparedFetch,
    outgoing: UnsentRequest,
    values: ReadonlyMap<string, string>,
    accessToken: string | undefined,
  ): Promise<SignedRequest> {
    if (auth === undefined) return { outgoing, derived: [] };
    if (!isTokenAuth(auth)) return await signOutgoing(auth, outgoing, values, this.#services.clock());
    const headers = new Map([...outgoing.headers, ['authorization', `Bearer ${accessToken ?? ''}`]]);
    return { outgoing: { ...outgoing, headers }, derived: [] };
  }

  async #readTexts(context: UseContext, reference: string): Promise<readonly string[]> {
    const { reader, tokens } = this.#services;
    if (isTokenReference(reference)) return await tokens.textsOf(context, tokenIdOf(reference));
    return await readKnownText(reader, context, reference);
  }
}

/** A request whose values, rules and destination were checked. */
interface CheckedFetch {
  readonly prepared: PreparedFetch;
  readonly loaded: LoadedValues;
  /** The request with its values; absent while one of them is sealed. */
  readonly filled: ReturnType<PreparedFetch['draft']['fill']> | undefined;
  readonly allowed: readonly NamedUse[];
  /** How the use would have ended by now. */
  readonly progress: { end: UseEnd };
}

/** A failure before the first byte of the request has sent nothing. */
async function sendOrNot<T>(progress: CheckedFetch['progress'], send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    if (error instanceof OutboundRequestError && error.stage !== 'exchange') progress.end = 'not-sent';
    throw error;
  }
}

/** Errors before the value goes to the token endpoint. */
const beforeTokenRequest: readonly ErrorCode[] = [
  'credential_busy',
  'destination_refused',
  'use_refused',
  'value_not_found',
];

/** The token endpoint gets the value too, so a use that ended there is not made again by itself. */
function endAfterTokenError(error: unknown): UseEnd {
  if (error instanceof UseRefusal) return 'not-sent';
  if (!(error instanceof VaultError)) return 'unknown';
  if (error.code === 'credential_refused') return 'done';
  return beforeTokenRequest.includes(error.code) ? 'not-sent' : 'unknown';
}

interface NamedUse extends AllowedUse {
  readonly name: string;
}

/** The values of a request, with the versions under which they can be read later. */
const sentTexts = (loaded: LoadedValues): SentText[] =>
  [...loaded.values()].flatMap(({ reference: { name }, info: { version }, sealed, value }) =>
    sealed !== undefined || value === undefined ? [] : [{ reference: referenceKey({ name, version }), texts: [value] }],
  );

/** Values of custody `approval`. They are searched for in this response only, because nothing keeps them. */
const sealedTexts = (loaded: LoadedValues): string[] =>
  [...loaded.values()].flatMap(({ sealed, value }) => (sealed === undefined || value === undefined ? [] : [value]));
