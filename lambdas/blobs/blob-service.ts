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
import { later } from '../shared/timestamps.ts';
import type { BlobStore, StoredBlob, UploadObjects } from './blob-ports.ts';
import { blobInfo, present, refuseEnded, toldUntil } from './blob-state.ts';
import { tooLarge } from './part-layout.ts';

/** Settings of the deployment. */
export interface BlobSettings {
  /** Address of the page that opens links, without a slash at its end. */
  readonly pageUrl: string;
  /** Largest ciphertext, bytes. */
  readonly mostBytes: number;
}

/** The address of a blob's link, without the key. */
export const linkOf = (blob: LinkId, { pageUrl }: BlobSettings): Link => {
  const link = formatLinkId(blob);
  return { link, url: `${pageUrl}/b/${link}` };
};

/** The record of a blob. @throws VaultError `blob_not_found`, also for what is no id at all */
export async function findBlob(blobs: BlobStore, org: string, id: string, now: Date): Promise<StoredBlob> {
  const blob = isTimeId(id) ? present(await blobs.get(org, id), now) : undefined;
  if (blob === undefined) throw new VaultError('blob_not_found');
  return blob;
}

export class Blobs {
  readonly #blobs: BlobStore;
  readonly #objects: UploadObjects;
  readonly #settings: BlobSettings;
  readonly #clock: Clock;

  constructor(blobs: BlobStore, objects: UploadObjects, settings: BlobSettings, clock: Clock) {
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
    if (size !== undefined && size > this.#settings.mostBytes) throw tooLarge(this.#settings.mostBytes);
    const now = this.#clock();
    const id = createTimeId(now.getTime(), randomBytes(16));
    const byForm = size !== undefined && size <= limits.blobFormBytes;
    const form = byForm ? await this.#objects.form(org, id, size) : undefined;
    // Before the record, which names it: an upload without a record can get no parts, since only its record lets it have addresses.
    const uploadId = byForm ? undefined : await this.#objects.begin(org, id);
    const uploadUntil = later(now, limits.blobUploadSeconds);
    const blob: StoredBlob = {
      org,
      id,
      locator: randomId(),
      state: 'uploading',
      createdAt: now.toISOString(),
      uploadUntil,
      expiresAt: expiresIn === undefined ? undefined : later(now, expiresIn),
      size,
      uploadId,
      openings: 0,
      maxOpens,
      burn,
      ttl: toldUntil(uploadUntil),
    };
    await this.#blobs.create(blob);
    const upload =
      form === undefined
        ? { kind: 'parts' as const, chunks: limits.blobPartChunks }
        : { kind: 'form' as const, ...form, expiresAt: later(now, limits.blobPresignedUrlSeconds) };
    return { id, ...linkOf(blob, this.#settings), upload, uploadUntil };
  }

  /** @throws VaultError `blob_not_found` */
  async get(org: string, id: string): Promise<BlobInfo> {
    return blobInfo(await this.#find(org, id), this.#clock());
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
    const blobs = items.filter((blob) => present(blob, now) !== undefined).map((blob) => blobInfo(blob, now));
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
    const blob = isTimeId(id) ? present(await this.#blobs.get(org, id), now) : undefined;
    if (blob === undefined) return { deleted: false };
    const isThere = blob.state === 'uploading' || blob.state === 'ready';
    // Whether it is this very write that marks it or another that came between: it is gone now, and was not before.
    if (isThere) await this.#blobs.delete(org, id, toldUntil(now));
    // In this order: a completion that is under way has made the object by now, or can't any more.
    if (blob.uploadId !== undefined) await this.#objects.abort(org, id, blob.uploadId);
    await this.#objects.delete(org, id);
    return { deleted: isThere };
  }

  /**
   * Gives a blob a new link in place of the old. Repeated, it makes yet another: the one that was told last is good.
   * @throws VaultError `blob_not_found`, `blob_not_uploaded`, `blob_expired`, `blob_spent`, `blob_deleted`
   */
  async relink(org: string, id: string): Promise<RelinkBlobResponse> {
    refuseEnded(await this.#find(org, id), this.#clock());
    const locator = randomId();
    if (!(await this.#blobs.relink(org, id, locator))) {
      refuseEnded(await this.#find(org, id), this.#clock());
      throw new VaultError('write_contention');
    }
    return { id, ...linkOf({ org, id, locator }, this.#settings) };
  }

  #find(org: string, id: string): Promise<StoredBlob> {
    return findBlob(this.#blobs, org, id, this.#clock());
  }
}
