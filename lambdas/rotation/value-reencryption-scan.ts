/** Going over all values of an org, a chunk at a time: a chunk ends well within the time of a function. */
import { DecryptionError } from '../../core/decryption-error.ts';
import type { Dek } from '../../core/encryption/root-key.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import { inTurns } from '../shared/map-concurrent.ts';
import type { Clock, StoredValue } from '../shared/ports.ts';
import type { SweepStore } from './rotation-ports.ts';
import type { KeyringChanges } from './rotation-service.ts';
import { isUnder, noVersion, resealValue, versionsLeft } from './value-reencryption.ts';

/** After this a chunk ends with the page it is at: two of them, and what is between, fit into a function's time. Milliseconds. */
const chunkTime = 4_000;
/** Values of a page, and of those how many are written at once. */
const pageSize = 250;
const atOnce = 16;
/** Writers of one value that may come between before it is left to the next pass. */
const attempts = 20;

/** `last` is the name at which a chunk ended; undefined at the end of the list. */
export interface Chunk {
  readonly counted: number;
  readonly reencrypted: number;
  readonly damaged: number;
  readonly last: string | undefined;
}

export interface Checked {
  readonly left: readonly number[];
  readonly last: string | undefined;
}

export class Sweeping {
  readonly #changes: KeyringChanges;
  readonly #store: SweepStore;
  readonly #clock: Clock;
  readonly #pageSize: number;

  constructor(changes: KeyringChanges, store: SweepStore, clock: Clock, pages = pageSize) {
    this.#changes = changes;
    this.#store = store;
    this.#clock = clock;
    this.#pageSize = pages;
  }

  async count(org: string, after: string | undefined): Promise<{ count: number; last: string | undefined }> {
    const end = this.#end();
    let count = 0;
    let at = after;
    do {
      const part = await this.#store.countFrom(org, at);
      count += part.count;
      at = part.last;
    } while (at !== undefined && this.#clock().getTime() < end);
    return { count, last: at };
  }

  /** Re-encrypts what is not whole under the active DEK. */
  async reseal(org: string, after: string | undefined): Promise<Chunk> {
    // Read for this chunk: it ends before a DEK that was made active meanwhile could be missed for longer than a request lives.
    const keys = await this.#changes.open(org);
    const { active } = keys;
    const sum = { counted: 0, reencrypted: 0, damaged: 0 };
    if (active === undefined) return { ...sum, last: undefined };
    const last = await this.#pages(org, after, async (values) => {
      sum.counted += values.length;
      const outcomes = await inTurns(values, atOnce, ({ stored }) => this.#resealOne(keys, active, stored));
      sum.reencrypted += outcomes.filter((outcome) => outcome === 'resealed').length;
      sum.damaged += outcomes.filter((outcome) => outcome === 'damaged').length;
    });
    return { ...sum, last };
  }

  /** Counts nothing but what is left: see the workflow for why it must not mend. */
  async check(org: string, after: string | undefined): Promise<Checked> {
    const { active } = await this.#changes.open(org);
    const left = new Set<number>();
    if (active === undefined) return { left: [], last: undefined };
    const last = await this.#pages(org, after, async (values) => {
      for (const { stored } of values) {
        for (const version of stored === undefined ? [noVersion] : versionsLeft(active, stored)) left.add(version);
      }
    });
    return { left: [...left], last };
  }

  async #resealOne(
    keys: OpenKeyring,
    active: Dek,
    read: StoredValue | undefined,
  ): Promise<'current' | 'resealed' | 'damaged' | 'changing'> {
    if (read === undefined) return 'damaged';
    let stored: StoredValue | undefined = read;
    for (let attempt = 1; attempt <= attempts && stored !== undefined; attempt++) {
      if (isUnder(active, stored)) return 'current';
      let next: StoredValue;
      try {
        next = await resealValue(keys, active, stored);
      } catch (error) {
        if (error instanceof DecryptionError) return 'damaged';
        throw error;
      }
      if (await this.#store.reseal(keys.keyring.org, next, stored)) return 'resealed';
      // A writer came first: what it wrote may still carry an old version along.
      stored = await this.#store.get(keys.keyring.org, read.name);
    }
    return stored === undefined ? 'current' : 'changing';
  }

  /** Works through pages until the time of the chunk is over; returns where it ended, undefined at the end of the list. */
  async #pages(
    org: string,
    after: string | undefined,
    work: (values: readonly { readonly name: string; readonly stored: StoredValue | undefined }[]) => Promise<void>,
  ): Promise<string | undefined> {
    const end = this.#end();
    let at = after;
    for (;;) {
      const { items, more } = await this.#store.sweep(org, at, this.#pageSize);
      await work(items);
      at = items.at(-1)?.name;
      if (!more || at === undefined) return undefined;
      if (this.#clock().getTime() >= end) return at;
    }
  }

  #end(): number {
    return this.#clock().getTime() + chunkTime;
  }
}
