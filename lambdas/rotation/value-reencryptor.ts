/**
 * Scans all items of an org, current versions and history slots alike, in chunks. A chunk ends well within the run time
 * of a function.
 */
import type { Dek } from '../../core/encryption/root-key.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import { awaitDecryption } from '../shared/error-classification.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import { type Clock, isMalformed } from '../shared/ports.ts';
import { isDeadSlot } from '../values/history-cleanup.ts';
import { reencryptVersion } from '../values/value-encryption.ts';
import type { ValueHistoryStore } from '../values/value-ports.ts';
import type { ScannedItem, ValueScanStore } from './rotation-ports.ts';
import type { KeyringUpdater } from './rotation-service.ts';
import { isEncryptedWith, otherDekVersions } from './value-reencryption.ts';

/**
 * A chunk ends with the page that is in progress at this time. Two chunks and the work between them fit into a
 * function's run time. Milliseconds.
 */
const chunkTimeMs = 4_000;
/** Items per page, and concurrent writes. */
const pageSize = 250;
const maxConcurrentWrites = 16;
/** Maximum attempts per item when concurrent writers win. Then the next pass handles it. */
const maxAttempts = 20;

/** `last` is the last key of the chunk; undefined at the end of the list. */
export interface ReencryptionChunk {
  readonly counted: number;
  readonly reencrypted: number;
  readonly damaged: number;
  readonly last: string | undefined;
}

type Outcome = 'current' | 'resealed' | 'removed' | 'damaged';

type ReadCurrent = (name: string) => Promise<ScannedItem | undefined>;

export interface DekVersionChunk {
  readonly left: readonly number[];
  readonly last: string | undefined;
}

export class ValueReencryptor {
  readonly #keyringUpdater: KeyringUpdater;
  readonly #store: ValueScanStore;
  readonly #history: Pick<ValueHistoryStore, 'deleteIfSame'>;
  readonly #clock: Clock;
  readonly #pageSize: number;

  constructor(
    keyringUpdater: KeyringUpdater,
    store: ValueScanStore,
    history: Pick<ValueHistoryStore, 'deleteIfSame'>,
    clock: Clock,
    pages = pageSize,
  ) {
    this.#keyringUpdater = keyringUpdater;
    this.#store = store;
    this.#history = history;
    this.#clock = clock;
    this.#pageSize = pages;
  }

  async countChunk(org: string, after: string | undefined): Promise<{ count: number; last: string | undefined }> {
    const end = this.#chunkDeadline();
    let count = 0;
    let at = after;
    do {
      const part = await this.#store.countAfter(org, at);
      count += part.count;
      at = part.last;
    } while (at !== undefined && this.#clock().getTime() < end);
    return { count, last: at };
  }

  /**
   * Re-encrypts the items that are not entirely encrypted with the active DEK, and deletes history slots that belong to
   * no stored value.
   */
  async reencryptChunk(org: string, after: string | undefined): Promise<ReencryptionChunk> {
    // Read once per chunk. A chunk is short enough that a DEK activated in the meantime is not missed for longer than a
    // request can last.
    const keys = await this.#keyringUpdater.open(org);
    const { active } = keys;
    const sum = { counted: 0, reencrypted: 0, damaged: 0 };
    if (active === undefined) return { ...sum, last: undefined };
    const last = await this.#forEachPage(org, after, async (items) => {
      sum.counted += items.length;
      const readCurrentOnce = this.#currentReader(org);
      const outcomes = await mapConcurrent(items, maxConcurrentWrites, (item) =>
        this.#reencryptOne(keys, active, item, readCurrentOnce),
      );
      sum.reencrypted += outcomes.filter((outcome) => outcome === 'resealed').length;
      sum.damaged += outcomes.filter((outcome) => outcome === 'damaged').length;
    });
    return { ...sum, last };
  }

  /** Finds the DEK versions still in use and changes nothing; rotation-workflow.ts explains why. */
  async findOldDekVersions(org: string, after: string | undefined): Promise<DekVersionChunk> {
    const { active } = await this.#keyringUpdater.open(org);
    const left = new Set<number>();
    if (active === undefined) return { left: [], last: undefined };
    const last = await this.#forEachPage(org, after, async (items) => {
      for (const { content } of items) for (const version of otherDekVersions(active, content)) left.add(version);
    });
    return { left: [...left], last };
  }

  async #reencryptOne(
    keys: OpenKeyring,
    active: Dek,
    scanned: ScannedItem,
    readCurrent: ReadCurrent,
  ): Promise<Outcome | 'changing'> {
    const { org } = keys.keyring;
    let outcome = await this.#tryReencrypt(keys, active, scanned, readCurrent);
    for (let attempt = 1; outcome === undefined && attempt < maxAttempts; attempt++) {
      // A concurrent writer won. Its item may still contain an old version.
      const item = await this.#store.get(org, scanned.key);
      if (item === undefined) return 'current';
      outcome = await this.#tryReencrypt(keys, active, item, this.#currentReader(org));
    }
    return outcome ?? 'changing';
  }

  /** @returns undefined if the item has changed since it was read */
  async #tryReencrypt(
    keys: OpenKeyring,
    active: Dek,
    item: ScannedItem,
    readCurrent: ReadCurrent,
  ): Promise<Outcome | undefined> {
    const { org } = keys.keyring;
    const { key, name, slot, content } = item;
    if (slot !== undefined && isDeadSlot(item, (await readCurrent(name))?.content))
      return (await this.#history.deleteIfSame(org, name, { slot, content })) ? 'removed' : undefined;
    if (isMalformed(content)) return 'damaged';
    if (isEncryptedWith(active, content)) return 'current';
    const next = await awaitDecryption(reencryptVersion(keys, active, name, content));
    if (next === undefined) return 'damaged';
    return (await this.#store.replaceCiphertext(org, key, next, content)) ? 'resealed' : undefined;
  }

  /**
   * Reads current versions, each name once. A slot may be judged only by a current version that was read after it, so
   * each page needs a new reader.
   */
  #currentReader(org: string): ReadCurrent {
    const reads = new Map<string, ReturnType<ReadCurrent>>();
    return (name) => {
      const read = reads.get(name) ?? this.#store.get(org, name);
      reads.set(name, read);
      return read;
    };
  }

  /** Handles pages until the chunk's time is up. Returns the last key handled; undefined at the end of the list. */
  async #forEachPage(
    org: string,
    after: string | undefined,
    handlePage: (items: readonly ScannedItem[]) => Promise<void>,
  ): Promise<string | undefined> {
    const end = this.#chunkDeadline();
    let at = after;
    for (;;) {
      const { items, more } = await this.#store.scan(org, at, this.#pageSize);
      await handlePage(items);
      at = items.at(-1)?.key;
      if (!more || at === undefined) return undefined;
      if (this.#clock().getTime() >= end) return at;
    }
  }

  #chunkDeadline(): number {
    return this.#clock().getTime() + chunkTimeMs;
  }
}
