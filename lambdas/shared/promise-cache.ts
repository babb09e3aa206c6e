/** Results that are expensive to load, by key. Concurrent calls for a key share one load. Failures are not cached. */
import type { Clock } from './ports.ts';

interface Entry<T> {
  readonly result: Promise<T>;
  readonly expiresAt: number;
}

export class PromiseCache<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #maxEntries: number;
  readonly #ttlMs: number;
  readonly #now: () => number;

  /**
   * @param maxEntries number of results that are kept. For one more, the oldest is removed
   * @param lifetime milliseconds for which a result is used, counted from before it was loaded; without it, results do
   *   not expire
   */
  constructor(maxEntries: number, lifetime?: { readonly ttlMs: number; readonly clock: Clock }) {
    this.#maxEntries = maxEntries;
    this.#ttlMs = lifetime?.ttlMs ?? Number.POSITIVE_INFINITY;
    this.#now = () => lifetime?.clock().getTime() ?? 0;
  }

  /** The cached result, or a new one. */
  get(key: string, load: () => Promise<T>): Promise<T> {
    const now = this.#now();
    const cached = this.#entries.get(key);
    if (cached !== undefined && cached.expiresAt > now) return cached.result;
    return this.#add(key, load(), now);
  }

  /** Replaces the result of a key. */
  set(key: string, result: T): void {
    void this.#add(key, Promise.resolve(result), this.#now());
  }

  /** Removes the results whose keys start with a text. */
  removePrefix(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  #add(key: string, result: Promise<T>, now: number): Promise<T> {
    this.#entries.delete(key);
    this.#evict(now);
    const entry = { result, expiresAt: now + this.#ttlMs };
    this.#entries.set(key, entry);
    result.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    return result;
  }

  #evict(now: number): void {
    // Insertion order is expiry order, so the loop stops at the first entry that can stay.
    for (const [key, entry] of this.#entries) {
      if (entry.expiresAt > now && this.#entries.size < this.#maxEntries) break;
      this.#entries.delete(key);
    }
  }
}
