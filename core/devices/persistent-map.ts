/**
 * An immutable map with text keys. `set` copies one bucket, so that the state of a chain with many records stays cheap to
 * derive from the state before.
 */

const bucketCount = 1024;

/** FNV-1a, 32 bits. An attacker can only make one bucket long, within the number of records of their own vault. */
function bucketOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % bucketCount;
}

export class PersistentMap<V> {
  readonly #buckets: readonly (ReadonlyMap<string, V> | undefined)[];
  /** Number of entries. */
  readonly size: number;

  private constructor(buckets: readonly (ReadonlyMap<string, V> | undefined)[], size: number) {
    this.#buckets = buckets;
    this.size = size;
  }

  static empty<V>(): PersistentMap<V> {
    return new PersistentMap<V>(new Array(bucketCount).fill(undefined), 0);
  }

  static from<V>(entries: Iterable<readonly [string, V]>): PersistentMap<V> {
    const unique = new Map(entries);
    const buckets: (Map<string, V> | undefined)[] = new Array(bucketCount).fill(undefined);
    for (const [key, value] of unique) {
      const index = bucketOf(key);
      const bucket = buckets[index] ?? new Map<string, V>();
      buckets[index] = bucket.set(key, value);
    }
    return new PersistentMap(buckets, unique.size);
  }

  get(key: string): V | undefined {
    return this.#buckets[bucketOf(key)]?.get(key);
  }

  /** A map that has this value too. This map does not change. */
  set(key: string, value: V): PersistentMap<V> {
    const index = bucketOf(key);
    const before = this.#buckets[index];
    const bucket = new Map(before);
    bucket.set(key, value);
    const buckets = this.#buckets.slice();
    buckets[index] = bucket;
    return new PersistentMap(buckets, this.size + (before?.has(key) === true ? 0 : 1));
  }

  /** All values, in no particular order. */
  values(): V[] {
    return this.#buckets.flatMap((bucket) => (bucket === undefined ? [] : [...bucket.values()]));
  }
}
