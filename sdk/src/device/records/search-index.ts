/**
 * Finds records of one type by words. The index is stored encrypted, as everything on this device, so that a search opens
 * only records that changed since the last one, and those that it returns.
 */
import { encodeFieldBytes } from '../../../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../../../core/encoding/field-reader.ts';
import { Turns } from '../../shared/turns.ts';
import type { DeviceRecord, RecordType } from '../device-types.ts';
import { paddedNumber, StoreBatch, stored, type VaultStore } from '../vault-store.ts';
import { wordsOf } from './json-values.ts';
import {
  countWords,
  decodeIndexed,
  encodeIndexed,
  type IndexedVersion,
  scoreOf,
  type WordCounts,
} from './word-counts.ts';

/** A record that this device shows. */
export interface RecordPlace {
  readonly id: string;
  /** Of its newest change in the vault. */
  readonly version: number;
  /** Whether a queued change is shown in place of it. */
  readonly isQueued: boolean;
}

/** The records of the type, as they are now. */
export interface SearchedRecords {
  readonly places: readonly RecordPlace[];
  /** @returns undefined for a deleted record; `unreadable` for one that this device cannot open now */
  open(id: string): Promise<DeviceRecord | undefined | 'unreadable'>;
}

/** Parts of the index that are stored by themselves: a change writes one of them again. */
const parts = 64;

const partOf = (id: string): number => {
  let sum = 0;
  for (let at = 0; at < id.length; at++) sum = (sum * 31 + id.charCodeAt(at)) % parts;
  return sum;
};

type Part = Map<string, IndexedVersion>;

export class SearchIndex {
  readonly #store: VaultStore;
  readonly #prefix: string;
  #parts: Part[] | undefined;
  readonly #turns = new Turns();

  constructor(store: VaultStore, type: RecordType) {
    this.#store = store;
    this.#prefix = `words/${type}/`;
  }

  /** Records that contain all words of the query, best first. @throws DeviceVaultError storage_damaged, storage_failed */
  search(records: SearchedRecords, query: string, limit: number): Promise<readonly DeviceRecord[]> {
    return this.#turns.run(() => this.#search(records, [...new Set(wordsOf(query))], limit));
  }

  async #search(records: SearchedRecords, words: readonly string[], limit: number): Promise<readonly DeviceRecord[]> {
    const index = await this.#loaded();
    const changed = this.#forgetOthers(index, records.places);
    const scored: { readonly id: string; readonly score: number }[] = [];
    for (const place of records.places) {
      const counts = await this.#countsOf(index, place, records, changed);
      const score = counts === undefined ? 0 : scoreOf(counts, words);
      if (score > 0) scored.push({ id: place.id, score });
    }
    await this.#write(index, changed);
    scored.sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
    const found: DeviceRecord[] = [];
    for (const { id } of scored.slice(0, limit)) {
      const record = await records.open(id);
      if (record !== undefined && record !== 'unreadable') found.push(record);
    }
    return found;
  }

  async #loaded(): Promise<Part[]> {
    if (this.#parts !== undefined) return this.#parts;
    const index = Array.from({ length: parts }, (): Part => new Map());
    for await (const [name, bytes] of this.#store.items(this.#prefix)) {
      const part = stored(index[Number(name.slice(this.#prefix.length))]);
      for (const field of stored(decodeFieldBytes(bytes))) part.set(...decodeIndexed(field));
      bytes.fill(0);
    }
    this.#parts = index;
    return index;
  }

  /** Removes records that are not there any more. @returns the parts that changed */
  #forgetOthers(index: readonly Part[], places: readonly RecordPlace[]): Set<number> {
    const ids = new Set(places.map(({ id }) => id));
    const changed = new Set<number>();
    for (const [number, part] of index.entries())
      for (const id of part.keys()) if (!ids.has(id) && part.delete(id)) changed.add(number);
    return changed;
  }

  /** The words of a record: from the index if it has this version, else from the record itself. */
  async #countsOf(
    index: readonly Part[],
    { id, version, isQueued }: RecordPlace,
    records: SearchedRecords,
    changed: Set<number>,
  ): Promise<WordCounts | undefined> {
    const number = partOf(id);
    const part = index[number];
    const known = part?.get(id);
    if (!isQueued && known?.version === version) return known.counts;
    const record = await records.open(id);
    if (record === 'unreadable') return undefined;
    const counts = record === undefined ? new Map<string, number>() : countWords(record.data);
    // A queued change has no version yet, so it is counted again each time. The record may be newer than its place.
    const isVersion = !isQueued && (record === undefined || (record.state === 'synced' && record.version <= version));
    if (isVersion) {
      part?.set(id, { version, counts });
      changed.add(number);
    }
    return counts;
  }

  async #write(index: readonly Part[], changed: ReadonlySet<number>): Promise<void> {
    if (changed.size === 0) return;
    const batch = new StoreBatch();
    for (const number of changed) {
      const name = this.#prefix + paddedNumber(number);
      const fields = [...(index[number] ?? [])].map(([id, indexed]) => encodeIndexed(id, indexed));
      if (fields.length === 0) batch.delete(name);
      else batch.putSecret(name, encodeFieldBytes(...fields));
    }
    await this.#store.write(batch);
  }
}
