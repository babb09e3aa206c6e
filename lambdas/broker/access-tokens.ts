/** Access tokens: shared by all functions, refreshed by one at a time (docs/broker.md, sections 4 and 5). */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { planAuth, referenceOf, type TokenAuth } from '../../egress/auth/auth-plan.ts';
import { type Reference, referenceKey } from '../../egress/references/secret-references.ts';
import type { Clock } from '../shared/ports.ts';
import type { TokenRecord, TokenRecordStore } from './broker-ports.ts';
import type { LoadedValues } from './loaded-values.ts';
import { basisOf, type RefreshedValue } from './refreshed-value.ts';
import { type KeptTokens, openTokens, sealTokens, searchedTexts } from './sealed-tokens.ts';
import { type TokenEndpoint, tokenTimeoutMs } from './token-endpoint.ts';
import { leaseMs, TokenLease } from './token-lease.ts';
import type { UseContext } from './use-context.ts';

/** An access token is used until this long before its end, milliseconds, or until half of its life if that is later. */
const maxMarginMs = 60_000;
/** How long a request waits for another one that refreshes, and how often it looks, milliseconds. */
const maxWaitMs = 8000;
const pollMs = 150;
/** How far the clocks of two functions may differ. */
const clockToleranceMs = 60_000;
/** Time that a refresh can take, and that of storing its answer, milliseconds. */
const refreshTimeMs = tokenTimeoutMs + 1500;

export interface AccessToken {
  readonly id: string;
  readonly accessToken: string;
  /** Everything that responses are searched for. */
  readonly texts: readonly string[];
}

/** One credential of one request. */
interface Credential {
  readonly id: string;
  readonly auth: TokenAuth;
  readonly loaded: LoadedValues;
  /** The versions of the values that the state of the record is about. */
  readonly basis: string;
  readonly rotates: boolean;
  readonly graceMs: number;
}

export class AccessTokens {
  readonly #store: TokenRecordStore;
  readonly #endpoint: TokenEndpoint;
  readonly #refreshed: RefreshedValue;
  readonly #clock: Clock;

  constructor(store: TokenRecordStore, endpoint: TokenEndpoint, refreshed: RefreshedValue, clock: Clock) {
    this.#store = store;
    this.#endpoint = endpoint;
    this.#refreshed = refreshed;
    this.#clock = clock;
  }

  /**
   * A valid access token, from the record or from the provider.
   * @throws VaultError `credential_busy`, `credential_refused`, `credential_uncertain` and those of the exchange;
   *   UseRefusal if the rules do not allow the token endpoint
   */
  async get(context: UseContext, auth: TokenAuth, values: LoadedValues): Promise<AccessToken> {
    let credential = credentialOf(auth, values);
    // The rules of the token endpoint apply also if there is an access token already.
    this.#endpoint.prepare(context, auth, values);
    const waitUntil = Math.min(this.#now() + maxWaitMs, context.deadline);
    for (let isFirst = true; ; isFirst = false) {
      const record = await this.#store.read(context.org, credential.id);
      const found = await this.#fromRecord(context, credential, record);
      if (found !== undefined && 'accessToken' in found) return found;
      if (found === undefined) {
        const made = await this.#refresh(context, credential, record);
        if (made !== undefined) return made;
      }
      if (this.#now() >= waitUntil) throw busy();
      if (!isFirst) await sleep(pollMs);
      // Another function may have stored a new version of the refresh token.
      credential = credentialOf(auth, await this.#refreshed.reload(context, auth, credential.loaded));
    }
  }

  /** The tokens of a record, for the search in responses. */
  async textsOf(context: UseContext, id: string): Promise<readonly string[]> {
    const record = await this.#store.read(context.org, id);
    const tokens = record === undefined ? undefined : await openOrUndefined(context, id, record);
    return tokens === undefined ? [] : searchedTexts(tokens);
  }

  #now(): number {
    return this.#clock().getTime();
  }

  /**
   * The token of a record, `wait` if another function works on it, or undefined if this function should refresh.
   * @throws VaultError `credential_refused`, `credential_uncertain`
   */
  async #fromRecord(
    context: UseContext,
    credential: Credential,
    record: TokenRecord | undefined,
  ): Promise<AccessToken | { readonly wait: true } | undefined> {
    if (record === undefined) return undefined;
    if (record.state === 'refreshing') return await this.#whileRefreshing(context, credential, record);
    if (record.state === 'ready' && record.pending === true) {
      await this.#storePending(context, credential, record);
      return { wait: true };
    }
    if (record.basis !== credential.basis) return undefined;
    if (record.state === 'refused') throw refused();
    if (record.state === 'uncertain') throw uncertain();
    if (record.state !== 'ready') return undefined;
    const tokens = await openOrUndefined(context, credential.id, record);
    return tokens === undefined || tokens.usedUntil <= this.#now()
      ? undefined
      : { id: credential.id, accessToken: tokens.accessToken, texts: searchedTexts(tokens) };
  }

  /** A refresh whose lease has ended, and of which nobody stored an answer. */
  async #whileRefreshing(
    context: UseContext,
    credential: Credential,
    record: TokenRecord,
  ): Promise<{ readonly wait: true } | undefined> {
    const now = this.#now();
    const { leaseUntil = 0 } = record;
    // A later end is not that of a function.
    if (now < leaseUntil && leaseUntil <= now + leaseMs + clockToleranceMs) return { wait: true };
    // The owner has replaced the refresh token since.
    if (record.basis !== credential.basis || !credential.rotates) return undefined;
    const isInGrace = now - (record.startedAt ?? 0) <= credential.graceMs;
    if (isInGrace && record.repeated !== true) return undefined;
    const { sealed, sealedBasis, pending } = record;
    const lease = new TokenLease(this.#store, context.org, credential.id);
    const ended = { state: 'uncertain', basis: record.basis, sealed, sealedBasis, pending } as const;
    await lease.change(record, ended, now);
    return { wait: true };
  }

  /**
   * Takes the lease and asks the provider. Undefined if another function took it.
   * @throws VaultError
   */
  async #refresh(
    context: UseContext,
    credential: Credential,
    before: TokenRecord | undefined,
  ): Promise<AccessToken | undefined> {
    // Before the lease: a request that cannot be built must not leave the state of a refresh behind.
    const request = this.#endpoint.prepare(context, credential.auth, credential.loaded);
    const startedAt = this.#now();
    // A function that ended before the answer would lose it, and a refresh token with it.
    if (startedAt + refreshTimeMs > context.deadline) throw busy();
    const lease = new TokenLease(this.#store, context.org, credential.id);
    const isRepeat = before?.state === 'refreshing' && before.basis === credential.basis;
    const kept = { sealed: before?.sealed, sealedBasis: before?.sealedBasis, pending: before?.pending };
    const { basis, id } = credential;
    const held = await lease.change(
      before,
      {
        state: 'refreshing',
        basis,
        // The grace of the provider begins with the first use of the refresh token.
        startedAt: isRepeat ? (before.startedAt ?? startedAt) : startedAt,
        leaseUntil: startedAt + leaseMs,
        repeated: isRepeat,
        ...kept,
      },
      startedAt,
    );
    if (held === undefined) return undefined;
    const previous = before === undefined ? undefined : await openOrUndefined(context, id, before);
    const outcome = await this.#endpoint.send(request);
    if ('failure' in outcome) {
      const state = this.#stateAfter(outcome.failure, credential.rotates);
      await lease.change(held, { state, basis, ...kept }, this.#now());
      throw state === 'refused' ? refused() : state === 'uncertain' ? uncertain() : outcome.error;
    }
    const { accessToken, refreshToken, expiresIn } = outcome;
    const lifeMs = expiresIn * 1000;
    const tokens: KeptTokens = {
      accessToken,
      usedUntil: this.#now() + lifeMs - Math.min(maxMarginMs, lifeMs / 2),
      previous: previous?.accessToken,
      refreshToken: this.#refreshed.isNew(credential.auth, credential.loaded, refreshToken) ? refreshToken : undefined,
    };
    const pending = tokens.refreshToken !== undefined;
    const sealed = sealTokens(context.keys, id, basis, pending, tokens);
    const ready = { state: 'ready', basis, sealed, sealedBasis: basis, pending } as const;
    const stored = await lease.change(held, ready, this.#now());
    if (stored === undefined) throw uncertain();
    if (pending) await this.#storePending(context, credential, stored);
    return { id, accessToken, texts: searchedTexts(tokens) };
  }

  #stateAfter(failure: 'refused' | 'unclear' | 'not-done', rotates: boolean): 'idle' | 'refused' | 'uncertain' {
    if (failure === 'refused') return 'refused';
    return failure === 'unclear' && rotates ? 'uncertain' : 'idle';
  }

  /** Stores the refresh token of a record as the next version of its value. Can be repeated by any function. */
  async #storePending(context: UseContext, credential: Credential, record: TokenRecord): Promise<void> {
    const { id } = credential;
    const lease = new TokenLease(this.#store, context.org, id);
    const tokens = await openOrUndefined(context, id, record);
    if (tokens?.refreshToken === undefined) {
      // The DEK of the tokens is gone, and with it the only copy of the refresh token.
      await lease.change(record, { state: 'uncertain', basis: record.basis }, this.#now());
      return;
    }
    const basis = await this.#refreshed.store(context, credential.auth, {
      basis: record.basis,
      refreshToken: tokens.refreshToken,
      writeId: writeIdOf(id, record.basis),
    });
    const next = basis ?? record.basis;
    const sealed = sealTokens(context.keys, id, next, false, tokens);
    // Without a basis, a person has set another version: theirs stays, and these tokens are not used again.
    const state = basis === undefined ? 'idle' : 'ready';
    await lease.change(record, { state, basis: next, sealed, sealedBasis: next, pending: false }, this.#now());
  }
}

/** The tokens of a record; undefined if there are none, or if their DEK is gone. */
async function openOrUndefined(context: UseContext, id: string, record: TokenRecord): Promise<KeptTokens | undefined> {
  try {
    return await openTokens(context.keys, id, record);
  } catch (error) {
    if (error instanceof DecryptionError) return undefined;
    throw error;
  }
}

const hashOf = (...parts: unknown[]): string => createHash('sha256').update(JSON.stringify(parts)).digest('base64url');

/**
 * A refresh token is one credential whatever else the request says, so that no two functions use it at the same time.
 * Other credentials are distinguished by all members of `auth`.
 */
function credentialOf(auth: TokenAuth, loaded: LoadedValues): Credential {
  const versions = planAuth(auth).uses.map(({ reference }) => basisOfReference(loaded, reference));
  if (auth.type !== 'oauth2-refresh-token')
    return { id: hashOf(auth), auth, loaded, basis: hashOf(versions), rotates: false, graceMs: 0 };
  const { rotates = true, graceSeconds = 0 } = auth;
  const reference = referenceOf(auth.refreshToken);
  const basis = basisOfReference(loaded, reference);
  return { id: hashOf(auth.type, reference.name), auth, loaded, basis, rotates, graceMs: graceSeconds * 1000 };
}

function basisOfReference(loaded: LoadedValues, reference: Reference): string {
  const value = loaded.get(referenceKey(reference));
  return value === undefined ? '' : basisOf(value.life, value.info.version);
}

const writeIdOf = (id: string, basis: string): string => hashOf('refresh', id, basis);

const busy = (): VaultError =>
  new VaultError('credential_busy', {
    detail: 'Another request is refreshing the access token, or little time was left for it. Nothing was sent.',
  });
const refused = (): VaultError =>
  new VaultError('credential_refused', {
    detail: 'The provider does not accept the credential. Nothing was sent to the host. Set a new one.',
  });
const uncertain = (): VaultError =>
  new VaultError('credential_uncertain', {
    detail:
      'A refresh was sent, and the answer of the provider is unknown. Nothing was sent to the host. ' +
      'Connect the account again, and set the new refresh token.',
  });
