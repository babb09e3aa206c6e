/**
 * Removes replaced and deleted entries of a LevelDB database from its files.
 *
 * LevelDB appends: an old entry stays in the log and in table files until a compaction happens to drop it. A plain
 * `compactRange` does not do that reliably. It first writes the log's entries to a table file, old ones included. If
 * that file overlaps no other, LevelDB places it at a deep level, where the same call does not compact it.
 * Source: LevelDB, `DBImpl::CompactRange` and `Version::PickLevelForMemTableOutput`.
 */
import type { StoreDatabase } from 'dynalite/db/index.js';

/** Keys of one group are compacted together. Small groups keep the exclusive sections short. */
const maxGroupSize = 16;

export class KeyEraser {
  readonly #db: StoreDatabase;
  readonly #exclusively: (run: () => Promise<void>) => Promise<void>;
  readonly #pending = new Set<string>();
  #last: Promise<void> = Promise.resolve();

  /**
   * @param db must not be patched, because its methods are called in exclusive sections
   * @param exclusively runs a section without concurrent reads. A snapshot or an open file would keep old entries.
   */
  constructor(db: StoreDatabase, exclusively: (run: () => Promise<void>) => Promise<void>) {
    this.#db = db;
    this.#exclusively = exclusively;
  }

  get hasPending(): boolean {
    return this.#pending.size > 0;
  }

  /** Notes that the database has an old entry of this key. */
  add(key: string): void {
    this.#pending.add(key);
  }

  /** Resolves when no file has an old entry of a key that was added before. Concurrent calls share the work. */
  erase(): Promise<void> {
    const run = this.#last.then(() => this.#eraseGroups());
    this.#last = run.catch(() => {});
    return run;
  }

  /** Removes all old entries of the whole database. */
  async eraseAll(): Promise<void> {
    // These keys enclose all keys of dynalite and are never read. They make every file overlap with a new one.
    const [first, last] = ['!', '~'] as const;
    await this.#exclusively(async () => {
      await this.#writeLog();
      await this.#db.put(first, 0);
      await this.#db.put(last, 0);
      await this.#db.compactRange(first, last);
    });
  }

  async #eraseGroups(): Promise<void> {
    for (const group of groupsOf([...this.#pending])) {
      await this.#exclusively(() => this.#eraseGroup(group));
      for (const key of group) this.#pending.delete(key);
    }
  }

  async #eraseGroup(keys: readonly string[]): Promise<void> {
    await this.#writeLog();
    // A new entry of each key overlaps with every file that has an old one, so the compaction merges all of them.
    for (const key of keys) {
      const value = await this.#db.get(key);
      await (value === undefined ? this.#db.del(key) : this.#db.put(key, value));
    }
    await this.#db.compactRange(keys[0] ?? '', keys.at(-1) ?? '');
  }

  /** Moves the entries of the log to a table file and deletes the log. The range itself is empty. */
  async #writeLog(): Promise<void> {
    await this.#db.compactRange('\u0000', '\u0000');
  }
}

/** Neighbouring keys of the same partition. The wider a group, the more files its compaction rewrites. */
function groupsOf(keys: readonly string[]): string[][] {
  const groups: string[][] = [];
  for (const key of keys.toSorted()) {
    const group = groups.at(-1);
    const isNeighbour =
      group !== undefined && group.length < maxGroupSize && partition(group[0] ?? '') === partition(key);
    if (isNeighbour) group.push(key);
    else groups.push([key]);
  }
  return groups;
}

/** A key of dynalite begins with its table and the hash of its partition key, up to the first slash. */
const partition = (key: string): string => key.split('/', 1)[0] ?? '';

/** The methods of a database as they are now, whatever patches it later. */
export const unpatched = (db: StoreDatabase): StoreDatabase => ({
  open: db.open.bind(db),
  close: db.close.bind(db),
  get: db.get.bind(db),
  put: db.put.bind(db),
  del: db.del.bind(db),
  batch: db.batch.bind(db),
  keys: db.keys.bind(db),
  values: db.values.bind(db),
  compactRange: db.compactRange?.bind(db),
});
