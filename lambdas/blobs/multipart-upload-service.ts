/** The rules of uploads: parts are granted and listed, and what has arrived is compared with what was said before its link works. */
import type {
  CompleteBlobRequest,
  CompleteBlobResponse,
  GrantPartsRequest,
  GrantPartsResponse,
  ListPartsResponse,
} from '../../contract/blobs/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { sameText } from '../shared/constant-time-equal.ts';
import { inTurns } from '../shared/map-concurrent.ts';
import { decodeCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Clock } from '../shared/ports.ts';
import { later } from '../shared/timestamps.ts';
import type { BlobStore, FoundObject, StoredBlob, StoredPart, UploadObjects } from './blob-ports.ts';
import { type BlobSettings, findBlob, linkOf } from './blob-service.ts';
import { blobInfo, lifetimeOf, refuseUploaded, toldUntil } from './blob-state.ts';
import { checkClaims, joinedParts, tooLarge } from './part-layout.ts';

/** Parts that one list of S3 tells at most, and lists that all parts take at most. */
const listedParts = 1000;
const partLists = 10;

export class BlobUploads {
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
   * Addresses for parts. A part may be asked for and sent again: the last one that arrives counts.
   * @throws VaultError `blob_not_found`, `blob_completed`, `blob_expired`, `blob_deleted`, `blob_too_large`, `invalid_request`
   */
  async grant(org: string, id: string, { parts }: GrantPartsRequest): Promise<GrantPartsResponse> {
    const now = this.#clock();
    const blob = await this.#uploading(org, id);
    const uploadId = uploadIdOf(blob);
    checkClaims(parts, blob.size, this.#settings.mostBytes);
    const granted = await inTurns(parts, parts.length, async (part) => ({
      number: part.number,
      ...(await this.#objects.partAddress(org, id, uploadId, part)),
    }));
    return { parts: granted, expiresAt: later(now, limits.blobPresignedUrlSeconds) };
  }

  /**
   * Parts that have arrived.
   * @throws VaultError as `grant`; `blob_completed` too when the parts were joined by a completion that is to be repeated
   */
  async parts(
    org: string,
    id: string,
    { cursor, limit = limits.pageSize }: { cursor?: string | undefined; limit?: number | undefined },
  ): Promise<ListPartsResponse> {
    const scope = [org, 'parts', id] as const;
    const after = cursor === undefined ? 0 : Number(decodeCursor(cursor, scope));
    if (!Number.isSafeInteger(after) || after < 0) throw new VaultError('invalid_cursor');
    const uploadId = uploadIdOf(await this.#uploading(org, id));
    const page = await this.#objects.parts(org, id, uploadId, after, limit);
    if (page === undefined) throw await this.#vanished(org, id);
    const parts = page.items.map(({ number, size, checksum }) => ({ number, size, checksum }));
    const last = parts.at(-1);
    return page.more && last !== undefined ? { parts, cursor: encodeCursor(scope, String(last.number)) } : { parts };
  }

  /**
   * Ends an upload. Each step finds what an earlier try has done, so it may be repeated after an interruption at any point; once
   * complete, the same request gets the same answer.
   * @throws VaultError `blob_not_found`, `blob_not_uploaded`, `upload_mismatch`, `blob_too_large`, `blob_completed`, `blob_expired`,
   *   `blob_deleted`, `unavailable`
   */
  async complete(org: string, id: string, request: CompleteBlobRequest): Promise<CompleteBlobResponse> {
    const blob = await this.#find(org, id);
    if (blob.state === 'ready') return this.#repeated(blob, request);
    refuseUploaded(blob, this.#clock());
    const found = await this.#arrived(blob, request);
    if (found === undefined) return await this.#settled(org, id, request);
    this.#compare(blob, request, found);
    if (!(await this.#objects.setLifetime(org, id, lifetimeOf(blob)))) return await this.#settled(org, id, request);
    const { open: openVerifier, burn: burnVerifier } = request.verifiers;
    const { checksum } = request;
    const { size } = found;
    const completedAt = this.#clock().toISOString();
    const ttl = blob.expiresAt === undefined ? undefined : toldUntil(blob.expiresAt);
    const completion = { completedAt, size, checksum, openVerifier, burnVerifier, ttl };
    if (!(await this.#blobs.complete(org, id, completion))) return await this.#settled(org, id, request);
    return this.#answer({ ...blob, ...completion, state: 'ready' });
  }

  /** The object, made of its parts if that was not done yet; undefined when there is none. */
  async #arrived(blob: StoredBlob, request: CompleteBlobRequest): Promise<FoundObject | undefined> {
    const { org, id, uploadId } = blob;
    if (uploadId !== undefined) {
      const parts = await this.#allParts(org, id, uploadId);
      if (parts !== undefined) {
        const joined = joinedParts(parts);
        if (joined === undefined) throw incomplete('A part is missing, or is not full although others follow.');
        // Before they are joined: then a part that is wrong can still be sent again.
        this.#compare(blob, request, joined);
        await this.#objects.join(org, id, uploadId, parts);
      }
    }
    return await this.#objects.find(org, id);
  }

  /** All parts; undefined when the upload is not there: joined by an earlier try, or ended. */
  async #allParts(org: string, id: string, uploadId: string): Promise<StoredPart[] | undefined> {
    const parts: StoredPart[] = [];
    for (let list = 0; list < partLists; list++) {
      const page = await this.#objects.parts(org, id, uploadId, parts.at(-1)?.number ?? 0, listedParts);
      if (page === undefined) return undefined;
      parts.push(...page.items);
      if (!page.more) return parts;
    }
    throw incomplete('There are more parts than an upload may have.');
  }

  /** @throws VaultError `upload_mismatch`, `blob_too_large` */
  #compare({ size }: StoredBlob, { checksum }: CompleteBlobRequest, found: FoundObject): void {
    if (found.size > this.#settings.mostBytes) throw tooLarge(this.#settings.mostBytes);
    if (size !== undefined && size !== found.size) {
      throw new VaultError('upload_mismatch', { detail: `${size} bytes were announced, ${found.size} have arrived.` });
    }
    if (found.checksum !== checksum) {
      throw new VaultError('upload_mismatch', { detail: 'The checksum of what has arrived is another.' });
    }
  }

  /** What the record says after another request came between, or nothing had arrived. */
  async #settled(org: string, id: string, request: CompleteBlobRequest): Promise<CompleteBlobResponse> {
    const blob = await this.#find(org, id);
    if (blob.state === 'ready') return this.#repeated(blob, request);
    refuseUploaded(blob, this.#clock());
    throw incomplete('Nothing has arrived, or a part has changed meanwhile.');
  }

  /** The answer to a completion that was done before. @throws VaultError `blob_completed` if it was another */
  #repeated(blob: StoredBlob, { checksum, verifiers }: CompleteBlobRequest): CompleteBlobResponse {
    const same = [
      sameText(blob.checksum, checksum),
      sameText(blob.openVerifier, verifiers.open),
      sameText(blob.burnVerifier, verifiers.burn),
    ];
    if (same.includes(false))
      throw new VaultError('blob_completed', { detail: 'It was completed with other contents.' });
    return this.#answer(blob);
  }

  #answer(blob: StoredBlob): CompleteBlobResponse {
    return { ...blobInfo(blob, this.#clock()), ...linkOf(blob, this.#settings) };
  }

  /** Why there is no upload although the record says so. */
  async #vanished(org: string, id: string): Promise<VaultError> {
    refuseUploaded(await this.#find(org, id), this.#clock());
    return (await this.#objects.find(org, id)) === undefined
      ? new VaultError('blob_expired', { detail: 'Its upload was ended.' })
      : new VaultError('blob_completed', { detail: 'All parts were joined: send the completion again.' });
  }

  async #uploading(org: string, id: string): Promise<StoredBlob> {
    const blob = await this.#find(org, id);
    refuseUploaded(blob, this.#clock());
    return blob;
  }

  #find(org: string, id: string): Promise<StoredBlob> {
    return findBlob(this.#blobs, org, id, this.#clock());
  }
}

const incomplete = (detail: string) => new VaultError('blob_not_uploaded', { detail });

/** @throws VaultError `invalid_request` for a blob that is uploaded by form */
function uploadIdOf({ uploadId }: StoredBlob): string {
  if (uploadId !== undefined) return uploadId;
  throw new VaultError('invalid_request', { detail: 'This blob is uploaded by the form of its ticket, not in parts.' });
}
