/** The words of one record, and how well they answer a query. */
import { type Bytes, encodeFieldBytes, u32Bytes, u64Bytes } from '../../../../core/encoding/bytes.ts';
import {
  decodeFieldBytes,
  decodeTextField,
  decodeU32Field,
  decodeU64Field,
} from '../../../../core/encoding/field-reader.ts';
import type { RecordData } from '../device-types.ts';
import { stored } from '../vault-store.ts';
import { textsIn, wordsOf } from './json-values.ts';

/** How often each word is in the texts of a record. */
export type WordCounts = ReadonlyMap<string, number>;

/** The words of one version of a record. A deleted record has none. */
export interface IndexedVersion {
  readonly version: number;
  readonly counts: WordCounts;
}

export function countWords(data: RecordData): WordCounts {
  const counts = new Map<string, number>();
  for (const text of textsIn(data)) for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/**
 * How well a record answers: the more often a word is in it, and the shorter it is, the better. 0 unless it has all words.
 */
export function scoreOf(counts: WordCounts, words: readonly string[]): number {
  const found = words.map((word) => counts.get(word) ?? 0);
  if (found.length === 0 || found.includes(0)) return 0;
  const length = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return found.reduce((sum, count) => sum + count, 0) / Math.sqrt(length);
}

export const encodeIndexed = (id: string, { version, counts }: IndexedVersion): Bytes =>
  encodeFieldBytes(id, u64Bytes(version), ...[...counts].flatMap(([word, count]) => [word, u32Bytes(count)]));

/** @throws DeviceVaultError storage_damaged */
export function decodeIndexed(bytes: Bytes): readonly [id: string, indexed: IndexedVersion] {
  const [id, version, ...words] = stored(decodeFieldBytes(bytes));
  const counts = new Map<string, number>();
  for (let at = 0; at < words.length; at += 2)
    counts.set(stored(decodeTextField(words[at])), stored(decodeU32Field(words[at + 1])));
  return [stored(decodeTextField(id)), { version: stored(decodeU64Field(version)), counts }];
}
