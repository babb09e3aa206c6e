/**
 * Marks of orgs. A mark limits how long an old record that somebody puts back into a table is accepted: until each
 * process reads the mark again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import {
  decodeOrgMark,
  encodeOrgMark,
  endKeyInMark,
  type MarkedState,
  newOrgMark,
  type OrgMark,
  raiseOrgMark,
} from '../../core/records/org-mark.ts';
import type { Clock } from '../shared/ports.ts';
import { PromiseCache } from '../shared/promise-cache.ts';
import type { AuthenticationKeys } from './authentication-keys.ts';
import type { OrgMarkStore } from './record-ports.ts';

/** How long a mark is used before it is read again, milliseconds. */
export const markCacheTtlMs = 5 * 60_000;
const maxCachedMarks = 1000;

/** Maximum attempts of one change if concurrent changes are faster. */
const maxAttempts = 10;
const backoffMaxMs = 100;

export class OrgMarks {
  readonly #keys: AuthenticationKeys;
  readonly #store: OrgMarkStore;
  readonly #cache: PromiseCache<OrgMark>;

  constructor(keys: AuthenticationKeys, store: OrgMarkStore, clock: Clock) {
    this.#keys = keys;
    this.#store = store;
    this.#cache = new PromiseCache(maxCachedMarks, { ttlMs: markCacheTtlMs, clock });
  }

  /**
   * The mark of an org, at most five minutes old.
   * @throws VaultError `unavailable`; DecryptionError if there is none
   */
  get(org: string): Promise<OrgMark> {
    return this.#cache.get(org, () => this.getLatest(org));
  }

  /** Stores the mark of a new org. @throws VaultError `unavailable`; `internal` if there is a different one */
  async create(org: string): Promise<void> {
    const text = encodeOrgMark(await this.#keys.get(org), newOrgMark(org));
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      if ((await this.#store.write(org, text, undefined)) !== undefined) return;
      const stored = await this.#store.read(org);
      // An earlier attempt of this call stored it.
      if (stored?.text === text) return;
      if (stored !== undefined) break;
    }
    throw new VaultError('internal');
  }

  /** Refuses records that are older than a keyring or tombstone. Does nothing if the mark already refuses them. */
  async raise(org: string, state: MarkedState): Promise<void> {
    const known = await this.get(org);
    if (raiseOrgMark(known, state) !== known) await this.#change(org, (mark) => raiseOrgMark(mark, state));
  }

  /** Records when an API key ends. Does nothing if an earlier end is recorded. */
  async endKey(org: string, keyId: string, at: string): Promise<void> {
    await this.#change(org, (mark) => endKeyInMark(mark, keyId, at));
  }

  /** The mark as it is stored now. @throws as `get` */
  async getLatest(org: string): Promise<OrgMark> {
    return (await this.#read(org)).mark;
  }

  async #change(org: string, next: (mark: OrgMark) => OrgMark): Promise<void> {
    const key = await this.#keys.get(org);
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const { mark, etag } = await this.#read(org);
      const changed = next(mark);
      // Also after a lost reply: the change is then in the mark that was read.
      const stored =
        changed === mark || (await this.#store.write(org, encodeOrgMark(key, changed), etag)) !== undefined;
      if (stored) {
        this.#cache.set(org, changed);
        return;
      }
      await sleep(Math.random() * Math.min(backoffMaxMs, 5 * 2 ** attempt));
    }
    throw new VaultError('write_contention', {
      detail: 'The change was stored but is not final. Send the same request again.',
    });
  }

  async #read(org: string): Promise<{ readonly mark: OrgMark; readonly etag: string }> {
    const [key, stored] = await Promise.all([this.#keys.get(org), this.#store.read(org)]);
    // A mark exists from the creation of the org on, so a missing one is refused like a forged one.
    if (stored === undefined) throw new DecryptionError();
    return { mark: decodeOrgMark(key, stored.text), etag: stored.etag };
  }
}
