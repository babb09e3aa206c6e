/**
 * Who may talk to the provider about one credential. Every change of a record is one conditional write on its fence, so
 * one function at a time holds the lease (docs/broker.md, section 5).
 */
import { randomBytes } from 'node:crypto';
import type { TokenRecord, TokenRecordStore } from './broker-ports.ts';

/** Twice the longest time of a function, milliseconds. */
export const leaseMs = 30_000;
/** Records that nobody used for so long are deleted, seconds. */
const keptSeconds = 90 * 86_400;

export type RecordChange = Omit<TokenRecord, 'fence' | 'holder' | 'ttl'>;

export class TokenLease {
  readonly #store: TokenRecordStore;
  readonly #org: string;
  readonly #id: string;
  /** Identifies the writes of this lease, so that a write whose reply was lost is recognized. */
  readonly #holder = randomBytes(16).toString('base64url');

  constructor(store: TokenRecordStore, org: string, id: string) {
    this.#store = store;
    this.#org = org;
    this.#id = id;
  }

  /**
   * Replaces the record as it was read.
   * @returns the new record; undefined if another function changed it before
   */
  async change(before: TokenRecord | undefined, change: RecordChange, nowMs: number): Promise<TokenRecord | undefined> {
    const fence = (before?.fence ?? 0) + 1;
    const ttl = Math.ceil(nowMs / 1000) + keptSeconds;
    const record: TokenRecord = { ...change, fence, holder: this.#holder, ttl };
    if (await this.#store.replace(this.#org, this.#id, record, before?.fence)) return record;
    const stored = await this.#store.read(this.#org, this.#id);
    return stored?.holder === this.#holder && stored.fence === fence ? record : undefined;
  }
}
