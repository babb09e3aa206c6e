/**
 * Deletes the blobs of a shredded org: objects, unfinished uploads, records. Links are refused from the shredding on, so what is left
 * here for a while can't be reached; and the keys of blobs were never here.
 */
import type { ShredReceipt } from '../../core/shredding/receipt-statements.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import type { BlobRecordPurger, OrgObjectPurger } from './blob-ports.ts';

/** Records that are read at once, and deleted at once. */
const recordPageSize = 100;
const maxConcurrentRecords = 10;
/** Lists of objects, of up to 1000 each, that are read for a count, and of records. */
const maxCountPages = 5;
const countPageSize = 1000;

export class OrgBlobPurger {
  readonly #objects: OrgObjectPurger;
  readonly #records: BlobRecordPurger;

  constructor(objects: OrgObjectPurger, records: BlobRecordPurger) {
    this.#objects = objects;
    this.#records = records;
  }

  /**
   * Deletes some; false when there is more to do. Repeated or interrupted, it goes on with what is left.
   * @param areUploadUrlsExpired no address that was handed out works any more. Until then records of uploads in parts stay, since a part that was
   *   under way when its upload was ended may arrive after all (S3, AbortMultipartUpload): it must be ended once more.
   * @param maxLists lists of objects, and of records, that it may take
   * @throws VaultError `unavailable`
   */
  async purge(org: string, areUploadUrlsExpired: boolean, maxLists: number): Promise<boolean> {
    const areRecordsPurged = await this.#purgeRecords(org, areUploadUrlsExpired, maxLists);
    for (let list = 0; list < maxLists; list++) {
      const { items, more } = await this.#objects.listKeys(org, undefined);
      if (items.length > 0) await this.#objects.deleteKeys(org, items);
      if (!more) return areRecordsPurged;
    }
    return false;
  }

  /** What is still there. @throws VaultError `unavailable` */
  async count(org: string): Promise<NonNullable<ShredReceipt['blobs']>> {
    const objects = await sumPages(async (after: string | undefined) => {
      const { items, more } = await this.#objects.listKeys(org, after);
      return { count: items.length, last: more ? items.at(-1) : undefined };
    });
    const uploads = await sumPages(async (before: string | undefined) => {
      const { items, more } = await this.#records.list(org, before, countPageSize);
      return {
        count: items.filter(({ uploadId }) => uploadId !== undefined).length,
        last: more ? items.at(-1)?.id : undefined,
      };
    });
    return { objects: objects.count, uploads: uploads.count, complete: objects.complete && uploads.complete };
  }

  async #purgeRecords(org: string, areUploadUrlsExpired: boolean, maxLists: number): Promise<boolean> {
    let before: string | undefined;
    for (let list = 0; list < maxLists; list++) {
      const { items, more } = await this.#records.list(org, before, recordPageSize);
      await mapConcurrent(items, maxConcurrentRecords, async ({ id, uploadId }) => {
        if (uploadId !== undefined) await this.#objects.abortMultipartUpload(org, id, uploadId);
        if (uploadId === undefined || areUploadUrlsExpired) await this.#records.remove(org, id);
      });
      before = items.at(-1)?.id;
      if (!more || before === undefined) return true;
    }
    return false;
  }
}

type CountPage = (after: string | undefined) => Promise<{ readonly count: number; readonly last: string | undefined }>;

/** Adds up lists until they end, or there were too many of them. */
async function sumPages(countPage: CountPage): Promise<{ count: number; complete: boolean }> {
  let count = 0;
  let after: string | undefined;
  for (let list = 0; list < maxCountPages; list++) {
    const page = await countPage(after);
    count += page.count;
    after = page.last;
    if (after === undefined) return { count, complete: true };
  }
  return { count, complete: false };
}
