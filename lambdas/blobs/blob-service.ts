/** Creates, reads, lists and deletes blobs, and replaces their links. multipart-upload-service.ts handles uploads. */
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
import { DecryptionError } from '../../core/decryption-error.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { createTimeId, isTimeId } from '../../core/encoding/time-ordered-id.ts';
import { decodeKeyCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Clock } from '../shared/ports.ts';
import { addSeconds } from '../shared/timestamps.ts';
import type { BlobStore, PurgeableBlob, StoredBlob, UploadObjectStore } from './blob-ports.ts';
import { assertReady, recordRetentionEnd, toBlobInfo, unlessTtlPassed } from './blob-state.ts';
import { blobTooLarge } from './part-layout.ts';

/** Deployment settings. */
export interface BlobSettings {
  /** URL of the page that opens links, without a trailing slash. */
  readonly pageUrl: string;
  /** Maximum ciphertext size in bytes. */
  readonly maxBytes: number;
}

/** The link of a blob, without the key. */
export const toLink = (blob: LinkId, { pageUrl }: BlobSettings): Link => {
  const link = formatLinkId(blob);
  return { link, url: `${pageUrl}/b/${link}` };
};

/** Reads the record of a blob. @throws VaultError `blob_not_found`, also for a malformed ID */
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
   * Creates a blob and starts its upload. A retry after a lost response creates another blob; the first one is never
   * uploaded and expires.
   * @throws VaultError `blob_too_large`, `invalid_request`, `unavailable`
   */
  async create(org: string, request: CreateBlobRequest): Promise<CreateBlobResponse> {
    const { size, expiresIn, burn = false, maxOpens = burn ? 1 : undefined } = request;
    if (burn && maxOpens !== 1) {
      const message = 'must be 1 or absent if burn is true';
      throw new VaultError('invalid_request', { errors: [{ path: 'maxOpens', message }] });
    }
    if (size !== undefined && size > this.#settings.maxBytes) throw blobTooLarge(this.#settings.maxBytes);
    const now = this.#clock();
    const id = createTimeId(now.getTime(), randomBytes(16));
    const isFormUpload = size !== undefined && size <= limits.blobFormBytes;
    const form = isFormUpload ? await this.#objects.presignForm(org, id, size) : undefined;
    // Started before the record is stored, because the record contains the upload ID. An upload without a record stays
    // empty: URLs for its parts are issued only by way of the record.
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

  /**
   * One page of blobs, newest first. It may contain fewer blobs than requested and still have a cursor. A damaged
   * record is reported by its ID and does not fail the list.
   * @throws VaultError `invalid_cursor`
   */
  async list(
    org: string,
    { cursor, limit = limits.pageSize }: { cursor?: string | undefined; limit?: number | undefined },
  ): Promise<ListBlobsResponse> {
    const scope = [org, 'blobs', ''] as const;
    const before = decodeKeyCursor(cursor, scope);
    const { items, more } = await this.#blobs.list(org, before, limit);
    const now = this.#clock();
    const blobs = items.flatMap(({ blob }) => unlessTtlPassed(blob, now) ?? []).map((blob) => toBlobInfo(blob, now));
    const damaged = items.filter(({ blob }) => blob === undefined).map(({ id }) => id);
    const found = { blobs, ...(damaged.length === 0 ? {} : { damaged }) };
    const last = items.at(-1);
    return more && last !== undefined ? { ...found, cursor: encodeCursor(scope, last.id) } : found;
  }

  /**
   * Deletes a blob in any state. The record is marked first, so that links and completions stop working; then the
   * stored data is deleted. A retry also deletes what an interrupted attempt left.
   * @throws VaultError `unavailable`
   */
  async delete(org: string, id: string): Promise<DeleteBlobResponse> {
    if (!isTimeId(id)) return { deleted: false };
    const now = this.#clock();
    const stored = await this.#getOrDamaged(org, id);
    if (stored === 'damaged') return await this.#deleteDamaged(org, id);
    const blob = unlessTtlPassed(stored, now);
    if (blob === undefined) return { deleted: false };
    const isLive = blob.state === 'uploading' || blob.state === 'ready';
    // The result does not matter: either this write or a concurrent one ended the blob, which existed when it was read.
    if (isLive) await this.#blobs.markDeleted(org, id, recordRetentionEnd(now));
    await this.#deleteData(org, blob);
    return { deleted: isLive };
  }

  /**
   * Deletes the data and then the record of a blob whose record is damaged. The record stays until then, so that a
   * retry finds it. Links and completions refuse it anyway.
   */
  async #deleteDamaged(org: string, id: string): Promise<DeleteBlobResponse> {
    const uploadId = (await this.#blobs.getUnverified(org, id))?.uploadId;
    await this.#deleteData(org, { id, uploadId });
    await this.#blobs.remove(org, id);
    return { deleted: true, damaged: true };
  }

  async #deleteData(org: string, { id, uploadId }: PurgeableBlob): Promise<void> {
    // The object is deleted last. A concurrent completion has then either already created it or fails, because what it
    // would create it from is gone.
    if (uploadId !== undefined) await this.#objects.abortMultipartUpload(org, id, uploadId);
    await this.#objects.deleteFormUpload(org, id);
    await this.#objects.deleteObject(org, id);
  }

  async #getOrDamaged(org: string, id: string): Promise<StoredBlob | 'damaged' | undefined> {
    try {
      return await this.#blobs.get(org, id);
    } catch (error) {
      if (error instanceof DecryptionError) return 'damaged';
      throw error;
    }
  }

  /**
   * Replaces the link of a blob. A retry creates another link; only the latest one works. Of two requests at the same
   * time, one fails.
   * @throws VaultError `blob_not_found`, `blob_not_uploaded`, `blob_expired`, `blob_spent`, `blob_deleted`,
   *   `write_contention`
   */
  async replaceLink(org: string, id: string): Promise<RelinkBlobResponse> {
    const blob = await this.#requireBlob(org, id);
    assertReady(blob, this.#clock());
    const locator = randomId();
    const response = { id, ...toLink({ org, id, locator }, this.#settings) };
    if (await this.#blobs.replaceLocator(blob, locator)) return response;
    const reread = await this.#requireBlob(org, id);
    assertReady(reread, this.#clock());
    // The client repeated the write after a lost reply.
    if (reread.locator === locator) return response;
    throw new VaultError('write_contention');
  }

  #requireBlob(org: string, id: string): Promise<StoredBlob> {
    return requireBlob(this.#blobs, org, id, this.#clock());
  }
}
