/**
 * Deletes the blobs of a shredded org: objects, unfinished uploads, records. Links are refused from the shredding on, so what is left
 * here for a while can't be reached; and the keys of blobs were never here.
 */
import type { ShredReceipt } from '../../core/shredding/receipt-statements.ts';
import { inTurns } from '../shared/map-concurrent.ts';
import type { BlobEraser, ObjectEraser } from './blob-ports.ts';

/** Records that are read at once, and deleted at once. */
const recordsRead = 100;
const recordsAtOnce = 10;
/** Lists of objects, of up to 1000 each, that are read for a count, and of records. */
const countedLists = 5;
const countedRecords = 1000;

export class BlobErasing {
  readonly #objects: ObjectEraser;
  readonly #records: BlobEraser;

  constructor(objects: ObjectEraser, records: BlobEraser) {
    this.#objects = objects;
    this.#records = records;
  }

  /**
   * Deletes some; false when there is more to do. Repeated or interrupted, it goes on with what is left.
   * @param isLast no address that was handed out works any more. Until then records of uploads in parts stay, since a part that was
   *   under way when its upload was ended may arrive after all (S3, AbortMultipartUpload): it must be ended once more.
   * @param lists lists of objects, and of records, that it may take
   * @throws VaultError `unavailable`
   */
  async erase(org: string, isLast: boolean, lists: number): Promise<boolean> {
    const noRecords = await this.#eraseRecords(org, isLast, lists);
    for (let list = 0; list < lists; list++) {
      const { items, more } = await this.#objects.list(org, undefined);
      if (items.length > 0) await this.#objects.deleteAll(org, items);
      if (!more) return noRecords;
    }
    return false;
  }

  /** What is still there. @throws VaultError `unavailable` */
  async count(org: string): Promise<NonNullable<ShredReceipt['blobs']>> {
    const objects = await counted(async (after: string | undefined) => {
      const { items, more } = await this.#objects.list(org, after);
      return { count: items.length, last: more ? items.at(-1) : undefined };
    });
    const uploads = await counted(async (before: string | undefined) => {
      const { items, more } = await this.#records.list(org, before, countedRecords);
      return {
        count: items.filter(({ uploadId }) => uploadId !== undefined).length,
        last: more ? items.at(-1)?.id : undefined,
      };
    });
    return { objects: objects.count, uploads: uploads.count, complete: objects.complete && uploads.complete };
  }

  async #eraseRecords(org: string, isLast: boolean, lists: number): Promise<boolean> {
    let before: string | undefined;
    for (let list = 0; list < lists; list++) {
      const { items, more } = await this.#records.list(org, before, recordsRead);
      await inTurns(items, recordsAtOnce, async ({ id, uploadId }) => {
        if (uploadId !== undefined) await this.#objects.abort(org, id, uploadId);
        if (uploadId === undefined || isLast) await this.#records.remove(org, id);
      });
      before = items.at(-1)?.id;
      if (!more || before === undefined) return true;
    }
    return false;
  }
}

type Stretch = (after: string | undefined) => Promise<{ readonly count: number; readonly last: string | undefined }>;

/** Adds up lists until they end, or there were too many of them. */
async function counted(next: Stretch): Promise<{ count: number; complete: boolean }> {
  let count = 0;
  let after: string | undefined;
  for (let list = 0; list < countedLists; list++) {
    const stretch = await next(after);
    count += stretch.count;
    after = stretch.last;
    if (after === undefined) return { count, complete: true };
  }
  return { count, complete: false };
}
