/** Finds records by words, in memory. The index is made from opened records and never stored. */
import type { DeviceRecord } from '../device-types.ts';
import { textsIn, wordsOf } from './json-values.ts';

interface IndexedRecord {
  /** Tells whether the record changed since. */
  readonly record: DeviceRecord;
  readonly counts: ReadonlyMap<string, number>;
  readonly length: number;
}

export class WordIndex {
  readonly #records = new Map<string, IndexedRecord>();

  /**
   * Records that contain all words of the query, best first: the more often a word is in a record, and the shorter the
   * record is, the better.
   * @param records all records of the type, as they are now
   */
  search(records: readonly DeviceRecord[], query: string, limit: number): readonly DeviceRecord[] {
    this.#update(records);
    const words = [...new Set(wordsOf(query))];
    if (words.length === 0) return [];
    const scored: { readonly record: DeviceRecord; readonly score: number }[] = [];
    for (const { record, counts, length } of this.#records.values()) {
      const found = words.map((word) => counts.get(word) ?? 0);
      if (found.every((count) => count > 0))
        scored.push({ record, score: found.reduce((sum, count) => sum + count, 0) / Math.sqrt(length) });
    }
    scored.sort((a, b) => b.score - a.score || (a.record.id < b.record.id ? -1 : 1));
    return scored.slice(0, limit).map(({ record }) => record);
  }

  #update(records: readonly DeviceRecord[]): void {
    const ids = new Set(records.map(({ id }) => id));
    for (const id of this.#records.keys()) if (!ids.has(id)) this.#records.delete(id);
    for (const record of records) {
      const known = this.#records.get(record.id)?.record;
      const isSame = known?.version === record.version && known.state === 'synced' && record.state === 'synced';
      if (!isSame) this.#records.set(record.id, indexed(record));
    }
  }
}

function indexed(record: DeviceRecord): IndexedRecord {
  const counts = new Map<string, number>();
  let length = 0;
  for (const text of textsIn(record.data)) {
    for (const word of wordsOf(text)) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
      length++;
    }
  }
  return { record, counts, length: Math.max(1, length) };
}
