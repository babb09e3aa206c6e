/**
 * Issues upload URLs, lists uploaded parts, and verifies a completed upload against its announcement before its link
 * works.
 */
import type {
  CompleteBlobRequest,
  CompleteBlobResponse,
  GrantPartsRequest,
  GrantPartsResponse,
  ListPartsResponse,
} from '../../contract/blobs/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { constantTimeEqual } from '../shared/constant-time-equal.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import { decodeCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Clock } from '../shared/ports.ts';
import { addSeconds } from '../shared/timestamps.ts';
import type { BlobStore, FoundObject, StoredBlob, StoredPart, UploadObjectStore } from './blob-ports.ts';
import { type BlobSettings, requireBlob, toLink } from './blob-service.ts';
import { assertUploading, objectLifetimeOf, recordRetentionEnd, toBlobInfo } from './blob-state.ts';
import { type AssembledParts, assembleParts, assertPartSizes, blobTooLarge } from './part-layout.ts';

/** Maximum number of parts per S3 list, and maximum number of lists per upload. */
const partPageSize = 1000;
const maxPartPages = 10;

export class MultipartUploadService {
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
   * Issues presigned URLs for parts. A part can be requested and sent again; the last upload of it counts.
   * @throws VaultError `blob_not_found`, `blob_completed`, `blob_expired`, `blob_deleted`, `blob_too_large`,
   *   `invalid_request`
   */
  async presignParts(org: string, id: string, { parts }: GrantPartsRequest): Promise<GrantPartsResponse> {
    const now = this.#clock();
    const blob = await this.#requireUploading(org, id);
    const uploadId = requireUploadId(blob);
    assertPartSizes(parts, blob.size, this.#settings.maxBytes);
    const presigned = await mapConcurrent(parts, parts.length, async (part) => ({
      number: part.number,
      ...(await this.#objects.presignPart(org, id, uploadId, part)),
    }));
    return { parts: presigned, expiresAt: addSeconds(now, limits.blobPresignedUrlSeconds) };
  }

  /**
   * Lists the parts that were uploaded.
   * @throws VaultError as `presignParts`; `invalid_cursor`; `blob_completed` also if the parts are already assembled
   *   and the completion must be repeated
   */
  async listParts(
    org: string,
    id: string,
    { cursor, limit = limits.pageSize }: { cursor?: string | undefined; limit?: number | undefined },
  ): Promise<ListPartsResponse> {
    const scope = [org, 'parts', id] as const;
    const after = cursor === undefined ? 0 : parsePartNumber(decodeCursor(cursor, scope));
    const uploadId = requireUploadId(await this.#requireUploading(org, id));
    const page = await this.#objects.listParts(org, id, uploadId, after, limit);
    if (page === undefined) throw await this.#missingUploadError(org, id);
    const parts = page.items.map(({ number, size, checksum }) => ({ number, size, checksum }));
    const last = parts.at(-1);
    return page.more && last !== undefined ? { parts, cursor: encodeCursor(scope, String(last.number)) } : { parts };
  }

  /**
   * Completes an upload. Each step detects what an earlier attempt did, so the request can be repeated after an
   * interruption at any point. After completion the same request gets the same response.
   * @throws VaultError `blob_not_found`, `blob_not_uploaded`, `upload_mismatch`, `blob_too_large`, `blob_completed`,
   *   `blob_expired`, `blob_deleted`, `unavailable`
   */
  async complete(org: string, id: string, request: CompleteBlobRequest): Promise<CompleteBlobResponse> {
    const blob = await this.#requireBlob(org, id);
    if (blob.state === 'ready') return this.#answerRepeatedCompletion(blob, request);
    assertUploading(blob, this.#clock());
    const found = await this.#finishObject(blob, request);
    if (found === undefined) return await this.#resolveConcurrentChange(org, id, request);
    this.#assertMatchesAnnouncement(blob, request, found);
    const { open: openVerifier, burn: burnVerifier } = request.verifiers;
    const { checksum } = request;
    const { size } = found;
    const completedAt = this.#clock().toISOString();
    const ttl = blob.expiresAt === undefined ? undefined : recordRetentionEnd(blob.expiresAt);
    const completion = { completedAt, size, checksum, openVerifier, burnVerifier, ttl };
    if (!(await this.#blobs.markReady(blob, completion))) return await this.#resolveConcurrentChange(org, id, request);
    return this.#toResponse({ ...blob, ...completion, state: 'ready' });
  }

  /** The object, which no ticket can change any more; undefined if it does not exist. */
  async #finishObject(blob: StoredBlob, request: CompleteBlobRequest): Promise<FoundObject | undefined> {
    const { org, id, uploadId } = blob;
    if (uploadId === undefined) {
      await this.#moveFormUpload(blob, request);
      return await this.#objects.findObject(org, id);
    }
    await this.#assembleParts(blob, uploadId, request);
    const found = await this.#objects.findObject(org, id);
    if (found === undefined) return undefined;
    this.#assertMatchesAnnouncement(blob, request, found);
    return (await this.#objects.setLifetimeTag(org, id, objectLifetimeOf(blob))) ? found : undefined;
  }

  /**
   * Moves what a form has uploaded to the object. A form can be posted again until its ticket expires, so the object is
   * a copy that no ticket names. The copy is made once: an interrupted completion can only be repeated with the same
   * contents. Does nothing if an earlier attempt moved it or nothing was uploaded.
   */
  async #moveFormUpload(blob: StoredBlob, request: CompleteBlobRequest): Promise<void> {
    const { org, id } = blob;
    const uploaded = await this.#objects.findFormUpload(org, id);
    if (uploaded === undefined) return;
    // Checked before it is copied, because until then the form can be posted again.
    this.#assertMatchesAnnouncement(blob, request, uploaded);
    await this.#objects.copyFormUpload(org, id, uploaded.tag, objectLifetimeOf(blob));
    await this.#objects.deleteFormUpload(org, id);
  }

  /** Assembles the object. Does nothing if an earlier attempt did it. */
  async #assembleParts(blob: StoredBlob, uploadId: string, request: CompleteBlobRequest): Promise<void> {
    const { org, id } = blob;
    const parts = await this.#listAllParts(org, id, uploadId);
    if (parts === undefined) return;
    const assembled = assembleParts(parts);
    if (assembled === undefined)
      throw notUploadedError('A part is missing, or a part other than the last is not full.');
    // Checked before the parts are assembled, because until then a wrong part can be sent again.
    this.#assertMatchesAnnouncement(blob, request, assembled);
    await this.#objects.completeMultipartUpload(org, id, uploadId, parts);
  }

  /** All parts; undefined if the upload does not exist because an earlier attempt assembled it or it was aborted. */
  async #listAllParts(org: string, id: string, uploadId: string): Promise<StoredPart[] | undefined> {
    const parts: StoredPart[] = [];
    for (let list = 0; list < maxPartPages; list++) {
      const page = await this.#objects.listParts(org, id, uploadId, parts.at(-1)?.number ?? 0, partPageSize);
      if (page === undefined) return undefined;
      parts.push(...page.items);
      if (!page.more) return parts;
    }
    throw notUploadedError('There are more parts than an upload may have.');
  }

  /** @throws VaultError `upload_mismatch`, `blob_too_large` */
  #assertMatchesAnnouncement(
    { size }: StoredBlob,
    { checksum }: CompleteBlobRequest,
    found: AssembledParts | FoundObject,
  ): void {
    if (found.size > this.#settings.maxBytes) throw blobTooLarge(this.#settings.maxBytes);
    if (size !== undefined && size !== found.size) {
      throw new VaultError('upload_mismatch', { detail: `${size} bytes were announced, ${found.size} were received.` });
    }
    if (found.checksum !== checksum) {
      throw new VaultError('upload_mismatch', { detail: 'The checksum of the received data does not match.' });
    }
  }

  /** Reads the record again and derives the result, after a concurrent request or if nothing was uploaded. */
  async #resolveConcurrentChange(org: string, id: string, request: CompleteBlobRequest): Promise<CompleteBlobResponse> {
    const blob = await this.#requireBlob(org, id);
    if (blob.state === 'ready') return this.#answerRepeatedCompletion(blob, request);
    assertUploading(blob, this.#clock());
    throw notUploadedError('No data was received, or a part has changed in the meantime.');
  }

  /** The response to a repeated completion. @throws VaultError `blob_completed` if its contents differ */
  #answerRepeatedCompletion(blob: StoredBlob, { checksum, verifiers }: CompleteBlobRequest): CompleteBlobResponse {
    const same = [
      constantTimeEqual(blob.checksum, checksum),
      constantTimeEqual(blob.openVerifier, verifiers.open),
      constantTimeEqual(blob.burnVerifier, verifiers.burn),
    ];
    if (same.includes(false))
      throw new VaultError('blob_completed', {
        detail: 'It was completed with a different checksum or different verifiers.',
      });
    return this.#toResponse(blob);
  }

  #toResponse(blob: StoredBlob): CompleteBlobResponse {
    return { ...toBlobInfo(blob, this.#clock()), ...toLink(blob, this.#settings) };
  }

  /** The error for an upload that is in the record but not in S3. */
  async #missingUploadError(org: string, id: string): Promise<VaultError> {
    assertUploading(await this.#requireBlob(org, id), this.#clock());
    return (await this.#objects.findObject(org, id)) === undefined
      ? new VaultError('blob_expired', { detail: 'The upload was aborted.' })
      : new VaultError('blob_completed', { detail: 'All parts are assembled. Send the completion request again.' });
  }

  async #requireUploading(org: string, id: string): Promise<StoredBlob> {
    const blob = await this.#requireBlob(org, id);
    assertUploading(blob, this.#clock());
    return blob;
  }

  #requireBlob(org: string, id: string): Promise<StoredBlob> {
    return requireBlob(this.#blobs, org, id, this.#clock());
  }
}

const notUploadedError = (detail: string) => new VaultError('blob_not_uploaded', { detail });

/** @throws VaultError `invalid_request` for a blob that is uploaded by form */
function requireUploadId({ uploadId }: StoredBlob): string {
  if (uploadId !== undefined) return uploadId;
  throw new VaultError('invalid_request', {
    detail: 'This blob is uploaded with the form from its creation response, not in parts.',
  });
}

/** A part number as the service writes it: `Number` alone also accepts `1e3`, `0x1` and white space. */
function parsePartNumber(text: string): number {
  if (!/^[1-9][0-9]{0,4}$/.test(text)) throw new VaultError('invalid_cursor');
  return Number(text);
}
