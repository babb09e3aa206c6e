/** What one request of a search has found: the first records, or those nearest to a vector. */

import type { MemoryRecord, SearchMemoryRequest } from '../../contract/memory/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { replyBytes } from '../shared/reply-bytes.ts';
import type { StoredRecord } from '../users/user-ports.ts';
import { corrupt, type DecryptedPage, decryptOrCorrupt, decryptWithinBudget } from '../users/user-record-pager.ts';

/** Undefined for a record that does not match. @throws DecryptionError */
type Open = (stored: StoredRecord) => MemoryRecord | undefined;

/** The result of opening some records. If the reply is full, the records after `lastId` were not opened. */
type Opened = Omit<DecryptedPage<unknown>, 'items'>;

interface FoundRecords {
  readonly records: MemoryRecord[];
  /** Whether further records cannot change the result. */
  readonly isComplete: boolean;
  take(records: readonly StoredRecord[], open: Open): Opened;
}

/** The first records. @param limit maximum number */
class FirstRecords implements FoundRecords {
  readonly records: MemoryRecord[] = [];
  readonly #limit: number;
  readonly #replyBudget = { left: limits.recordReplyBytes };

  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
  }

  get isComplete(): boolean {
    return this.records.length >= this.#limit;
  }

  take(records: readonly StoredRecord[], open: Open): Opened {
    const { items, ...opened } = decryptWithinBudget(
      records,
      this.#replyBudget,
      open,
      this.#limit - this.records.length,
    );
    this.records.push(...items);
    return opened;
  }
}

interface Candidate {
  readonly record: MemoryRecord;
  readonly bytes: number;
}

/** The records with the greatest similarity, in descending order. All records must be opened to know them. */
class NearestRecords implements FoundRecords {
  readonly isComplete = false;
  readonly #limit: number;
  readonly #nearest: Candidate[] = [];
  #bytes = 0;

  constructor(limit: number = limits.nearestRecords) {
    this.#limit = limit;
  }

  get records(): MemoryRecord[] {
    return this.#nearest.map(({ record }) => record);
  }

  take(records: readonly StoredRecord[], open: Open): Opened {
    const damaged: string[] = [];
    let decryptedCount = 0;
    let lastId: string | undefined;
    for (const stored of records) {
      const record = decryptOrCorrupt(() => open(stored));
      if (record === corrupt) damaged.push(stored.id);
      else if (record !== undefined && !this.#keepIfNear(record))
        return { damaged, decryptedCount, lastId, isReplyFull: true };
      if (record !== corrupt) decryptedCount++;
      lastId = stored.id;
    }
    return { damaged, decryptedCount, lastId, isReplyFull: false };
  }

  /** @returns false if the record is one of the nearest, but does not fit into the reply */
  #keepIfNear(record: MemoryRecord): boolean {
    const last = this.#nearest.length < this.#limit ? undefined : this.#nearest.at(-1);
    if (last !== undefined && similarityOf(record) <= similarityOf(last.record)) return true;
    const bytes = replyBytes(record);
    const sum = this.#bytes + bytes - (last?.bytes ?? 0);
    if (sum > limits.recordReplyBytes && this.#nearest.length > 0) return false;
    if (last !== undefined) this.#nearest.pop();
    const at = this.#nearest.findIndex((other) => similarityOf(other.record) < similarityOf(record));
    this.#nearest.splice(at < 0 ? this.#nearest.length : at, 0, { record, bytes });
    this.#bytes = sum;
    return true;
  }
}

const similarityOf = ({ similarity = -1 }: MemoryRecord): number => similarity;

export const foundRecordsOf = ({ near, limit }: SearchMemoryRequest): FoundRecords =>
  near === undefined ? new FirstRecords(limit) : new NearestRecords(limit);
