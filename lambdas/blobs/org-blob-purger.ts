/**
 * Deletes the blobs of a shredded org: objects, unfinished uploads and records. Links are refused from the shredding
 * on, so the remaining data cannot be reached in the meantime. The vault never had the keys of blobs.
 */
import type { ShredReceipt } from '../../core/shredding/receipt-statements.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import type { BlobRecordPurger, OrgObjectPurger } from './blob-ports.ts';

/** Records read per list, and records deleted concurrently. */
const recordPageSize = 100;
const maxConcurrentRecords = 10;
/** Maximum number of lists, of up to 1000 objects or records each, that are read for a count. */
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
   * Deletes some of the data. Returns false if there is more. It can be repeated, and continues after an interruption.
   * @param areUploadUrlsExpired whether all issued upload URLs have expired. Until then the records of multipart
   *   uploads are kept: a part in transfer can arrive after its upload was aborted (S3, AbortMultipartUpload), and the
   *   upload must then be aborted again.
   * @param maxLists maximum number of lists of objects, and of records, to process
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

  /** Counts the remaining data. @throws VaultError `unavailable` */
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

/** Adds up pages until the last one or `maxCountPages`. */
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
