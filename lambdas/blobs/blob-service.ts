/** The rules of blobs but for their upload: begun, looked at, listed, given new links, deleted. */
import { randomBytes } from 'node:crypto';
import type {
  BlobInfo,
  CreateBlobRequest,
  CreateBlobResponse,
  DeleteBlobResponse,
  Link,
  ListBlobsResponse,
  RelinkBlobResponse,
} from '../../contract/blobs/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { formatLinkId, type LinkId } from '../../core/blobs/share-link.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { createTimeId, isTimeId } from '../../core/encoding/time-ordered-id.ts';
import { decodeCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Clock } from '../shared/ports.ts';
import { addSeconds } from '../shared/timestamps.ts';
import type { BlobStore, StoredBlob, UploadObjectStore } from './blob-ports.ts';
import { assertReady, recordRetentionEnd, toBlobInfo, unlessTtlPassed } from './blob-state.ts';
import { blobTooLarge } from './part-layout.ts';

/** Settings of the deployment. */
export interface BlobSettings {
  /** Address of the page that opens links, without a slash at its end. */
  readonly pageUrl: string;
  /** Largest ciphertext, bytes. */
  readonly maxBytes: number;
}

/** The address of a blob's link, without the key. */
export const toLink = (blob: LinkId, { pageUrl }: BlobSettings): Link => {
  const link = formatLinkId(blob);
  return { link, url: `${pageUrl}/b/${link}` };
};

/** The record of a blob. @throws VaultError `blob_not_found`, also for what is no id at all */
export async function requireBlob(blobs: BlobStore, org: string, id: string, now: Date): Promise<StoredBlob> {
  const blob = isTimeId(id) ? unlessTtlPassed(await blobs.get(org, id), now) : undefined;
  if (blob === undefined) throw new VaultError('blob_not_found');
  return blob;
}

export class BlobService {
  readonly #blobs: BlobStore;
  readonly #objects: UploadObjectStore;
  readonly #settings: BlobSettings;
  readonly #clock: Clock;

  constructor(blobs: BlobStore, objects: UploadObjectStore, settings: BlobSettings, clock: Clock) {
    this.#blobs = blobs;
    this.#objects = objects;
    this.#settings = settings;
    this.#clock = clock;
  }

  /**
   * Begins a blob. Repeated after a lost answer it begins another; the first one, never uploaded, expires.
   * @throws VaultError `blob_too_large`, `invalid_request`, `unavailable`
   */
  async create(org: string, request: CreateBlobRequest): Promise<CreateBlobResponse> {
    const { size, expiresIn, burn = false, maxOpens = burn ? 1 : undefined } = request;
    if (burn && maxOpens !== 1) {
      const message = 'must be 1, or absent, for what is to be read once';
      throw new VaultError('invalid_request', { errors: [{ path: 'maxOpens', message }] });
    }
    if (size !== undefined && size > this.#settings.maxBytes) throw blobTooLarge(this.#settings.maxBytes);
    const now = this.#clock();
    const id = createTimeId(now.getTime(), randomBytes(16));
    const isFormUpload = size !== undefined && size <= limits.blobFormBytes;
    const form = isFormUpload ? await this.#objects.presignForm(org, id, size) : undefined;
    // Before the record, which names it: an upload without a record can get no parts, since only its record lets it have addresses.
    const uploadId = isFormUpload ? undefined : await this.#objects.startMultipartUpload(org, id);
    const uploadUntil = addSeconds(now, limits.blobUploadSeconds);
    const blob: StoredBlob = {
      org,
      id,
      locator: randomId(),
      state: 'uploading',
      createdAt: now.toISOString(),
      uploadUntil,
      expiresAt: expiresIn === undefined ? undefined : addSeconds(now, expiresIn),
      size,
      uploadId,
      openings: 0,
      maxOpens,
      burn,
      ttl: recordRetentionEnd(uploadUntil),
    };
    await this.#blobs.create(blob);
    const upload =
      form === undefined
        ? { kind: 'parts' as const, chunks: limits.blobPartChunks }
        : { kind: 'form' as const, ...form, expiresAt: addSeconds(now, limits.blobPresignedUrlSeconds) };
    return { id, ...toLink(blob, this.#settings), upload, uploadUntil };
  }

  /** @throws VaultError `blob_not_found` */
  async get(org: string, id: string): Promise<BlobInfo> {
    return toBlobInfo(await this.#requireBlob(org, id), this.#clock());
  }

  /** One page, newest first. It may hold fewer than asked for, and still have a next. @throws VaultError `invalid_cursor` */
  async list(
    org: string,
    { cursor, limit = limits.pageSize }: { cursor?: string | undefined; limit?: number | undefined },
  ): Promise<ListBlobsResponse> {
    const scope = [org, 'blobs', ''] as const;
    const before = cursor === undefined ? undefined : decodeCursor(cursor, scope);
    if (before !== undefined && !isTimeId(before)) throw new VaultError('invalid_cursor');
    const { items, more } = await this.#blobs.list(org, before, limit);
    const now = this.#clock();
    const blobs = items.filter((blob) => unlessTtlPassed(blob, now) !== undefined).map((blob) => toBlobInfo(blob, now));
    const last = items.at(-1);
    return more && last !== undefined ? { blobs, cursor: encodeCursor(scope, last.id) } : { blobs };
  }

  /**
   * Deletes a blob, whatever its state: first its record is marked, so that no link and no completion comes through any more, then
   * what lies there goes. Repeated, it removes again what an interrupted first try has left.
   * @throws VaultError `unavailable`
   */
  async delete(org: string, id: string): Promise<DeleteBlobResponse> {
    const now = this.#clock();
    const blob = isTimeId(id) ? unlessTtlPassed(await this.#blobs.get(org, id), now) : undefined;
    if (blob === undefined) return { deleted: false };
    const isLive = blob.state === 'uploading' || blob.state === 'ready';
    // Whether it is this very write that marks it or another that came between: it is gone now, and was not before.
    if (isLive) await this.#blobs.markDeleted(org, id, recordRetentionEnd(now));
    // In this order: a completion that is under way has made the object by now, or can't any more.
    if (blob.uploadId !== undefined) await this.#objects.abortMultipartUpload(org, id, blob.uploadId);
    await this.#objects.deleteObject(org, id);
    return { deleted: isLive };
  }

  /**
   * Gives a blob a new link in place of the old. Repeated, it makes yet another: the one that was told last is good.
   * @throws VaultError `blob_not_found`, `blob_not_uploaded`, `blob_expired`, `blob_spent`, `blob_deleted`
   */
  async replaceLink(org: string, id: string): Promise<RelinkBlobResponse> {
    assertReady(await this.#requireBlob(org, id), this.#clock());
    const locator = randomId();
    if (!(await this.#blobs.replaceLocator(org, id, locator))) {
      assertReady(await this.#requireBlob(org, id), this.#clock());
      throw new VaultError('write_contention');
    }
    return { id, ...toLink({ org, id, locator }, this.#settings) };
  }

  #requireBlob(org: string, id: string): Promise<StoredBlob> {
    return requireBlob(this.#blobs, org, id, this.#clock());
  }
}
