/** Reads referenced values from the vault or, while it cannot be reached, from the offline cache. */

import { type Reference, referenceKey } from '../../egress/references/secret-references.ts';
import { type Anima, AnimaError, type AnimaErrorCode, type Value } from '../../sdk/src/index.ts';
import { durationText } from '../shell/durations.ts';
import { inParallel } from '../shell/parallel.ts';
import type { Shell } from '../shell/shell.ts';
import { type CachedContent, type OfflineCache, openOfflineCache } from './offline-cache.ts';

/** Result of one reference. */
export type ReadOutcome =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: AnimaError };

/** Maximum concurrent reads of single versions. */
const maxParallelReads = 8;

/** Errors with which the vault rejects the key for all requests. */
const keyRefusedCodes: readonly AnimaErrorCode[] = [
  'invalid_api_key',
  'api_key_revoked',
  'api_key_expired',
  'org_shredded',
  'org_locked',
];
/** Errors with which the vault refuses one value. */
const valueRefusedCodes: readonly AnimaErrorCode[] = [
  'forbidden',
  'value_not_found',
  'version_not_found',
  'value_expired',
  'value_not_readable',
  'decryption_failed',
];

/**
 * Whether the vault could not be reached, so it made no decision. Other vault failures do not count: a read that
 * cannot be audited, or whose key was disabled, must not be served from the cache.
 */
function isUnreachable({ code, status = 0 }: AnimaError): boolean {
  if (code === 'connection_failed' || code === 'timeout' || code === 'unavailable') return true;
  return code === 'unexpected_response' && status >= 502 && status <= 504;
}

export class SecretReader {
  readonly #client: Anima;
  readonly #shell: Shell;
  readonly #cache: OfflineCache | undefined;
  /**
   * The error that showed that the vault cannot be reached. The vault is then not called again, because each attempt
   * takes time.
   */
  #unreachableError: AnimaError | undefined;
  #oldestCachedAge = 0;
  #cachedCount = 0;

  private constructor(shell: Shell, client: Anima, cache: OfflineCache | undefined) {
    this.#shell = shell;
    this.#client = client;
    this.#cache = cache;
  }

  /** @param cacheMaxAge value of `--cache-max-age` */
  static async open(shell: Shell, cacheMaxAge: string | undefined): Promise<SecretReader> {
    return new SecretReader(shell, await shell.client(), await openOfflineCache(shell, cacheMaxAge));
  }

  /** Reads one value. @throws AnimaError */
  async readOne(reference: Reference): Promise<Value> {
    const outcome = await this.#withCacheFallback(reference, await this.#readVersion(reference));
    this.#noteCacheUse();
    if (!outcome.ok) throw outcome.error;
    return outcome.value;
  }

  /**
   * Reads all references; results are keyed by `referenceKey`. Current versions are read in one batch, others one by
   * one.
   */
  async readMany(references: Iterable<Reference>): Promise<Map<string, ReadOutcome>> {
    const all = [...new Map([...references].map((reference) => [referenceKey(reference), reference])).values()];
    const current = all.filter(({ version }) => version === undefined);
    const fixed = all.filter(({ version }) => version !== undefined);
    const told = await this.#readCurrentVersions(current);
    const read = async (one: Reference) => [referenceKey(one), await this.#readVersion(one)] as const;
    for (const [key, outcome] of await inParallel(fixed, maxParallelReads, read)) told.set(key, outcome);
    const settled = await Promise.all(
      all.map(async (reference) => {
        const key = referenceKey(reference);
        return [key, await this.#withCacheFallback(reference, told.get(key))] as const;
      }),
    );
    this.#noteCacheUse();
    return new Map(settled);
  }

  /** Lists the names below a folder (`prod/`; '' for all), in order. @throws AnimaError */
  async listNames(folder: string): Promise<string[]> {
    try {
      // A damaged value is listed too, so that a command that needs it fails with its name and does not run without it.
      const damaged = new Set<string>();
      const list = await this.#requestVault(() =>
        this.#client.vault
          .list({ prefix: folder, pageSize: 1000, onDamaged: (name) => void damaged.add(name) })
          .toArray(),
      );
      const names = [...list.map(({ name }) => name), ...damaged].sort();
      await this.#tryOnCache(async (cache) => await cache.keepNames(folder, names));
      return names;
    } catch (error) {
      if (!(error instanceof AnimaError)) throw error;
      const found = isUnreachable(error) ? await this.#cache?.findNames(folder) : undefined;
      if (found === undefined) {
        if (keyRefusedCodes.includes(error.code)) await this.#tryOnCache(async (cache) => await cache.dropAll());
        if (error.code === 'forbidden') await this.#tryOnCache(async (cache) => await cache.dropNames(folder));
        throw error;
      }
      return found.content;
    }
  }

  async #readCurrentVersions(references: readonly Reference[]): Promise<Map<string, ReadOutcome>> {
    if (references.length === 0) return new Map();
    try {
      const result = await this.#requestVault(() => this.#client.vault.getMany(references.map(({ name }) => name)));
      return new Map(
        [...result].map((item): [string, ReadOutcome] => {
          if (!item.ok) return [item.name, item];
          const { ok, ...value } = item;
          return [item.name, { ok, value }];
        }),
      );
    } catch (error) {
      if (!(error instanceof AnimaError)) throw error;
      return new Map(references.map((reference) => [referenceKey(reference), { ok: false, error }]));
    }
  }

  async #readVersion({ name, version }: Reference): Promise<ReadOutcome> {
    try {
      return { ok: true, value: await this.#requestVault(() => this.#client.vault.getWithInfo(name, { version })) };
    } catch (error) {
      if (!(error instanceof AnimaError)) throw error;
      return { ok: false, error };
    }
  }

  async #requestVault<T>(request: () => Promise<T>): Promise<T> {
    if (this.#unreachableError !== undefined) throw this.#unreachableError;
    try {
      return await request();
    } catch (error) {
      if (error instanceof AnimaError && isUnreachable(error)) this.#unreachableError = error;
      throw error;
    }
  }

  /** The vault's result, or the cached value if the vault cannot be reached. */
  async #withCacheFallback(reference: Reference, told: ReadOutcome | undefined): Promise<ReadOutcome> {
    if (told === undefined) throw new Error('a reference without an outcome');
    if (told.ok) {
      await this.#tryOnCache(async (cache) => await cache.keep(reference, told.value));
      return told;
    }
    const { code } = told.error;
    if (keyRefusedCodes.includes(code)) await this.#tryOnCache(async (cache) => await cache.dropAll());
    if (valueRefusedCodes.includes(code)) await this.#tryOnCache(async (cache) => await cache.drop(reference));
    const found = isUnreachable(told.error) ? await this.#cache?.find(reference) : undefined;
    return found === undefined ? told : { ok: true, value: this.#takeFromCache(found) };
  }

  #takeFromCache({ content, age }: CachedContent<Value>): Value {
    this.#cachedCount++;
    this.#oldestCachedAge = Math.max(this.#oldestCachedAge, age);
    return content;
  }

  #noteCacheUse(): void {
    if (this.#cachedCount === 0) return;
    const what = this.#cachedCount === 1 ? '1 value is' : `${this.#cachedCount} values are`;
    this.#shell.note(
      `The vault can’t be reached: ${what} from the offline cache, read up to ${durationText(this.#oldestCachedAge)} ago.`,
    );
    this.#cachedCount = 0;
  }

  /** Runs work on the cache. The cache is optional: a failure only causes a note. */
  async #tryOnCache(work: (cache: OfflineCache) => Promise<void>): Promise<void> {
    if (this.#cache === undefined) return;
    try {
      await work(this.#cache);
    } catch {
      this.#shell.note('The offline cache could not be written.');
    }
  }
}
