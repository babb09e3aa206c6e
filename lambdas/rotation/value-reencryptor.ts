/** Scans all values of an org in chunks. A chunk ends well within the run time of a function. */
import { DecryptionError } from '../../core/decryption-error.ts';
import type { Dek } from '../../core/encryption/root-key.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import type { Clock, StoredValue } from '../shared/ports.ts';
import type { ValueScanStore } from './rotation-ports.ts';
import type { KeyringUpdater } from './rotation-service.ts';
import { isEncryptedWith, otherDekVersions, reencryptValue, unparsableDekVersion } from './value-reencryption.ts';

/**
 * A chunk ends with the page that is in progress at this time. Two chunks and the work between them fit into a
 * function's run time. Milliseconds.
 */
const chunkTimeMs = 4_000;
/** Values per page, and concurrent writes. */
const pageSize = 250;
const maxConcurrentWrites = 16;
/** Maximum attempts per value when concurrent writers win. Then the next pass handles it. */
const maxAttempts = 20;

/** `last` is the last name of the chunk; undefined at the end of the list. */
export interface ReencryptionChunk {
  readonly counted: number;
  readonly reencrypted: number;
  readonly damaged: number;
  readonly last: string | undefined;
}

export interface DekVersionChunk {
  readonly left: readonly number[];
  readonly last: string | undefined;
}

export class ValueReencryptor {
  readonly #keyringUpdater: KeyringUpdater;
  readonly #store: ValueScanStore;
  readonly #clock: Clock;
  readonly #pageSize: number;

  constructor(keyringUpdater: KeyringUpdater, store: ValueScanStore, clock: Clock, pages = pageSize) {
    this.#keyringUpdater = keyringUpdater;
    this.#store = store;
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

  /** Re-encrypts the values that are not entirely encrypted with the active DEK. */
  async reencryptChunk(org: string, after: string | undefined): Promise<ReencryptionChunk> {
    // Read once per chunk. A chunk is short enough that a DEK activated in the meantime is not missed for longer than a
    // request can last.
    const keys = await this.#keyringUpdater.open(org);
    const { active } = keys;
    const sum = { counted: 0, reencrypted: 0, damaged: 0 };
    if (active === undefined) return { ...sum, last: undefined };
    const last = await this.#forEachPage(org, after, async (values) => {
      sum.counted += values.length;
      const outcomes = await mapConcurrent(values, maxConcurrentWrites, ({ stored }) =>
        this.#reencryptOne(keys, active, stored),
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
    const last = await this.#forEachPage(org, after, async (values) => {
      for (const { stored } of values) {
        for (const version of stored === undefined ? [unparsableDekVersion] : otherDekVersions(active, stored))
          left.add(version);
      }
    });
    return { left: [...left], last };
  }

  async #reencryptOne(
    keys: OpenKeyring,
    active: Dek,
    read: StoredValue | undefined,
  ): Promise<'current' | 'resealed' | 'damaged' | 'changing'> {
    if (read === undefined) return 'damaged';
    let stored: StoredValue | undefined = read;
    for (let attempt = 1; attempt <= maxAttempts && stored !== undefined; attempt++) {
      if (isEncryptedWith(active, stored)) return 'current';
      let next: StoredValue;
      try {
        next = await reencryptValue(keys, active, stored);
      } catch (error) {
        if (error instanceof DecryptionError) return 'damaged';
        throw error;
      }
      if (await this.#store.replaceCiphertext(keys.keyring.org, next, stored)) return 'resealed';
      // A concurrent writer won. Its item may still contain an old version.
      stored = await this.#store.get(keys.keyring.org, read.name);
    }
    return stored === undefined ? 'current' : 'changing';
  }

  /** Handles pages until the chunk's time is up. Returns the last name handled; undefined at the end of the list. */
  async #forEachPage(
    org: string,
    after: string | undefined,
    handlePage: (
      values: readonly { readonly name: string; readonly stored: StoredValue | undefined }[],
    ) => Promise<void>,
  ): Promise<string | undefined> {
    const end = this.#chunkDeadline();
    let at = after;
    for (;;) {
      const { items, more } = await this.#store.scan(org, at, this.#pageSize);
      await handlePage(items);
      at = items.at(-1)?.name;
      if (!more || at === undefined) return undefined;
      if (this.#clock().getTime() >= end) return at;
    }
  }

  #chunkDeadline(): number {
    return this.#clock().getTime() + chunkTimeMs;
  }
}
