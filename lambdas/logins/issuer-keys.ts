/**
 * The public keys of issuers, cached per process. Keys are fetched again when they are old or when a token names a key
 * that is not among them, and at most once a minute. While an issuer is unavailable, its last keys work for a limited
 * time.
 */
import type { IssuerKey } from '../../contract/logins/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { Clock } from '../shared/ports.ts';
import type { IssuerKeySource } from './login-ports.ts';

/** How long keys are used without a look at the issuer, and how long while it does not answer, milliseconds. */
export const freshKeysMs = 10 * 60_000;
export const staleKeysMs = 60 * 60_000;
/** Minimum time between two fetches from the same issuer, milliseconds. */
export const minFetchIntervalMs = 60_000;
/** Maximum number of issuers whose keys are kept. */
const maxIssuers = 100;

interface Entry {
  readonly keys: readonly IssuerKey[] | undefined;
  readonly fetchedAt: number;
  readonly attemptedAt: number;
  readonly lastFailed: boolean;
}

const noEntry: Entry = { keys: undefined, fetchedAt: -Infinity, attemptedAt: -Infinity, lastFailed: false };

export class IssuerKeys {
  readonly #source: IssuerKeySource;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #pending = new Map<string, Promise<Entry>>();

  constructor(source: IssuerKeySource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /**
   * The keys of an issuer that have this id. Several keys of different types can share one.
   * @throws VaultError `unavailable` if the keys are not known and the issuer does not answer
   */
  async find(issuer: string, kid: string): Promise<readonly IssuerKey[]> {
    const now = this.#clock().getTime();
    const before = this.#entries.get(issuer) ?? noEntry;
    const isFresh = now - before.fetchedAt < freshKeysMs;
    const cached = withId(before, kid);
    if (isFresh && cached.length > 0) return cached;
    const entry = now - before.attemptedAt < minFetchIntervalMs ? before : await this.#refresh(issuer, before, now);
    const found = now - entry.fetchedAt < staleKeysMs ? withId(entry, kid) : [];
    // It is not known whether the issuer has published this key since.
    if (found.length === 0 && entry.lastFailed) throw new VaultError('unavailable', { detail: unavailableDetail });
    return found;
  }

  #refresh(issuer: string, before: Entry, now: number): Promise<Entry> {
    const pending = this.#pending.get(issuer) ?? this.#fetch(issuer, before, now);
    this.#pending.set(issuer, pending);
    return pending.finally(() => this.#pending.delete(issuer));
  }

  async #fetch(issuer: string, before: Entry, now: number): Promise<Entry> {
    const keys = await this.#source.fetchKeys(issuer);
    const entry =
      keys === undefined
        ? { ...before, attemptedAt: now, lastFailed: true }
        : { keys, fetchedAt: now, attemptedAt: now, lastFailed: false };
    this.#entries.delete(issuer);
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined && this.#entries.size >= maxIssuers) this.#entries.delete(oldest);
    this.#entries.set(issuer, entry);
    return entry;
  }
}

const withId = ({ keys = [] }: Entry, kid: string): readonly IssuerKey[] => keys.filter((key) => key.kid === kid);

const unavailableDetail =
  'The keys of the issuer could not be fetched. No key was created. Send the same request again.';
