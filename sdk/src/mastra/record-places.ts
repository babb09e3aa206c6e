/** Where records are: `[…root, kind]`, by the id that Mastra gave. Their parts are in `[…root, kind-parts, set]`. */

import type { LongRecords, RecordPlace } from '../agent-memory/long-records.ts';
import { type MemoryCalls, toPart } from '../agent-memory/memory-calls.ts';
import { notSentError } from '../shared/argument-validation.ts';

/** Levels that are added to the root: kind, set of parts. */
export const placeLevels = 2;

export type RecordKind = 'threads' | 'messages' | 'resources';

/** @throws AnimaError invalid_argument if the id is not a text */
export async function placeOf(root: readonly string[], kind: RecordKind, id: unknown): Promise<RecordPlace> {
  return { namespace: namespaceOf(root, kind), key: await toPart(checkId(id)), parts: [...root, `${kind}-parts`] };
}

export const namespaceOf = (root: readonly string[], kind: RecordKind): readonly string[] => [...root, kind];

/** @throws AnimaError invalid_argument */
export function checkId(id: unknown): string {
  if (typeof id === 'string' && id.trim() !== '') return id;
  throw notSentError('invalid_argument', 'the ids of threads, messages and resources must be texts that are not empty');
}

/**
 * Numbers that increase within a process, and follow the clock. They keep the order in which messages with equal times
 * were stored.
 */
export class StorageOrder {
  #last = 0;

  next(): number {
    // There are up to 1,000 numbers per millisecond.
    this.#last = Math.max(this.#last + 1, Date.now() * 1000);
    return this.#last;
  }
}

/** What threads and messages are stored with. */
export interface RecordStorage {
  readonly memory: MemoryCalls;
  readonly records: LongRecords;
  readonly root: readonly string[];
  readonly order: StorageOrder;
}
