import type {
  BlobInfo,
  ListBlobsResponse,
  LookAtLinkResponse,
  RelinkBlobResponse,
} from '../../../contract/blobs/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { isTimeId } from '../../../core/encoding/time-ordered-id.ts';
import type { Transport } from '../http/transport.ts';
import { checkInteger, notSentError } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';
import { List } from '../shared/paginated-list.ts';
import { decodeBlobInfo, decodeBlobPage } from './blob-decoders.ts';
import type { BlobContent, GetBlobOptions, PutBlobOptions, PutBlobResult } from './blob-types.ts';
import type { OpenedBlob } from './opened-blob.ts';

export interface ListBlobsOptions extends CallOptions {
  /** Blobs of a page, 1 to 1000; 100 unless told. */
  pageSize?: number | undefined;
}

export type BlobList = List<BlobInfo, ListBlobsResponse>;

/**
 * Files under keys that only their links carry. They are encrypted before they leave this machine; the vault and its store never see a key,
 * a media type or a file name. `size` of what was put or opened is bytes of content, in lists and facts bytes of ciphertext.
 */
export class Blobs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Encrypts and uploads, in constant memory; `url` of what it resolves to is the link with the key, **this once**. Requests and parts are
   * retried by themselves; an upload that broke off for good goes on by `resume`.
   * @throws ConflictError content_changed; InvalidRequestError blob_too_large; UnexpectedResponseError storage_refused
   */
  async put(content: BlobContent, options: PutBlobOptions = {}): Promise<PutBlobResult> {
    const { uploadBlob } = await import('./upload.ts');
    return await uploadBlob(this.#transport, content, options);
  }

  /**
   * Opens a link, which counts as one opening, and resolves once the first bytes have proven authentic. This client's vault is asked,
   * whatever address the link has. A blob to be burned is destroyed once it was read to its end.
   * @throws InvalidRequestError invalid_link; NotFoundError blob_not_found, blob_expired, blob_spent, blob_deleted;
   * PermissionError proof_refused; DecryptionError decryption_failed
   */
  async get(url: string, options: GetBlobOptions = {}): Promise<OpenedBlob> {
    const { downloadBlob } = await import('./link-download.ts');
    return await downloadBlob(this.#transport, url, options);
  }

  /**
   * Bytes `start` to `end`, excluded, of the content, without the rest: only the chunks that hold them are fetched. Counts as one opening and
   * burns nothing. That the blob was not cut off is only proven by a range that reaches its end.
   * @throws AnimaError as `get`
   */
  async range(url: string, start: number, end: number, options: CallOptions = {}): Promise<Uint8Array> {
    const { downloadRange } = await import('./link-download.ts');
    return await downloadRange(this.#transport, url, [start, end], options);
  }

  /** What a link leads to, as far as it is told without its key. Counts as no opening. @throws NotFoundError as `get` */
  async look(url: string, options: CallOptions = {}): Promise<LookAtLinkResponse> {
    const { requestLinkInfo } = await import('./link-requests.ts');
    return await requestLinkInfo(this.#transport, url, options);
  }

  /** Blobs of the organization, newest first, never their links: `for await (const blob of blobs.list())`. */
  list(options: ListBlobsOptions = {}): BlobList {
    const limit = checkInteger('pageSize', options.pageSize, 1, limits.pageSizeMax);
    const settings = this.#transport.callSettings(options);
    return new List(
      (cursor) => this.#transport.request({ route: 'listBlobs', query: { limit, cursor } }, settings, decodeBlobPage),
      ({ blobs }) => blobs,
    );
  }

  /** Size, times and openings of a blob. @throws NotFoundError blob_not_found */
  async info(id: string, options: CallOptions = {}): Promise<BlobInfo> {
    const call = { route: 'getBlob', id: checkBlobId(id) } as const;
    return this.#transport.request(call, this.#transport.callSettings(options), (json) => {
      const read = decodeBlobInfo(json);
      return read?.id === id ? read : undefined;
    });
  }

  /** Deletes a blob, uploaded or not. False when there was none, or it was gone before: also what a retry finds. */
  async delete(id: string, options: CallOptions = {}): Promise<boolean> {
    const call = { route: 'deleteBlob', id: checkBlobId(id) } as const;
    return this.#transport.request(call, this.#transport.callSettings(options), (json) =>
      isPlainObject(json) && typeof json.deleted === 'boolean' ? json.deleted : undefined,
    );
  }

  /**
   * Revokes the link of a blob and gives it a new one; blob and key stay.
   * @param oldUrl a link of the blob with its key, which is put into the new one; without it, `url` has no key, and whoever knows the
   * key appends it as fragment
   * @throws NotFoundError blob_not_found; InvalidRequestError invalid_link when `oldUrl` is of another blob
   */
  async relink(id: string, oldUrl?: string, options: CallOptions = {}): Promise<RelinkBlobResponse> {
    const { requestLinkReplacement } = await import('./link-requests.ts');
    return await requestLinkReplacement(this.#transport, checkBlobId(id), oldUrl, options);
  }
}

/** @throws AnimaError invalid_argument, also for a link, which belongs in no path of an API */
function checkBlobId(id: unknown): string {
  if (typeof id === 'string' && isTimeId(id)) return id;
  throw notSentError('invalid_argument', 'id must be the id of a blob, 26 characters, not its link');
}
