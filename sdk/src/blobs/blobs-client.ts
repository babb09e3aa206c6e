import type {
  BlobInfo,
  ListBlobsResponse,
  LookAtLinkResponse,
  RelinkBlobResponse,
} from '../../../contract/blobs/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type { Transport } from '../http/transport.ts';
import { checkInteger } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { OpenedList } from '../shared/opened-list.ts';
import type { BlobContent, BlobFiles, GetBlobOptions, PutBlobOptions, PutBlobResult } from './blob-types.ts';
import type { OpenedBlob } from './opened-blob.ts';

export interface ListBlobsOptions extends CallOptions {
  /** Blobs per page, 1 to 1000. Default: 100. */
  pageSize?: number | undefined;
  /**
   * Called with the id of each blob whose record is damaged. Without it, an iteration yields all other blobs and then
   * throws `decryption_failed` with the ids.
   */
  onDamaged?: ((id: string) => void) | undefined;
}

export type BlobList = OpenedList<BlobInfo, ListBlobsResponse>;

/**
 * Files encrypted with keys that only their links contain. They are encrypted on this machine; the vault and its
 * storage never receive a key, a media type or a file name. `size` counts bytes of content in upload and download
 * results, and bytes of ciphertext in `list` and `info`.
 */
export class Blobs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Encrypts and uploads content in constant memory. The returned `url` is the link with the key; it is returned
   * **only once**. Requests and parts are retried automatically. Resume an interrupted upload with `resume`.
   * @param content one file, or an array of files that share the link
   * @throws ConflictError content_changed; InvalidRequestError blob_too_large; UnexpectedResponseError
   * storage_refused
   */
  async put(content: BlobContent | BlobFiles, options: PutBlobOptions = {}): Promise<PutBlobResult> {
    const { uploadBlob } = await import('./upload.ts');
    return await uploadBlob(this.#transport, content, options);
  }

  /**
   * Opens a link, which counts as one opening. Resolves after the first bytes are authenticated. The request goes to
   * this client's vault, regardless of the link's address. A blob uploaded with `burn` is destroyed after it is read
   * to the end.
   * @throws InvalidRequestError invalid_link; NotFoundError blob_not_found, blob_expired, blob_spent, blob_deleted;
   * PermissionError proof_refused; DecryptionError decryption_failed
   */
  async get(url: string, options: GetBlobOptions = {}): Promise<OpenedBlob> {
    const { downloadBlob } = await import('./link-download.ts');
    return await downloadBlob(this.#transport, url, options);
  }

  /**
   * Reads content bytes from `start` (inclusive) to `end` (exclusive). Fetches only the chunks that contain them.
   * Counts as one opening and does not burn the blob. Of a set of files, the range includes its index. Only a range that reaches the end proves that the blob was not
   * truncated.
   * @throws AnimaError as `get`
   */
  async range(url: string, start: number, end: number, options: CallOptions = {}): Promise<Uint8Array> {
    const { downloadRange } = await import('./link-download.ts');
    return await downloadRange(this.#transport, url, [start, end], options);
  }

  /**
   * Returns the facts about a link that do not require its key. Does not count as an opening. @throws NotFoundError
   * as `get`
   */
  async look(url: string, options: CallOptions = {}): Promise<LookAtLinkResponse> {
    const { requestLinkInfo } = await import('./link-requests.ts');
    return await requestLinkInfo(this.#transport, url, options);
  }

  /** Lists the organization's blobs, newest first, without their links: `for await (const blob of blobs.list())`. */
  list(options: ListBlobsOptions = {}): BlobList {
    const limit = checkInteger('pageSize', options.pageSize, 1, limits.pageSizeMax);
    const settings = this.#transport.callSettings(options, 'pageSize', 'onDamaged');
    return new OpenedList(
      async (cursor) => {
        const { listBlobsPage } = await import('./blob-requests.ts');
        return listBlobsPage(this.#transport, { limit, cursor }, settings);
      },
      ({ blobs }) => blobs,
      options,
    );
  }

  /** Returns size, times and openings of a blob. @throws NotFoundError blob_not_found */
  async info(id: string, options: CallOptions = {}): Promise<BlobInfo> {
    const { getBlobInfo } = await import('./blob-requests.ts');
    return await getBlobInfo(this.#transport, id, options);
  }

  /**
   * Deletes a blob, even if its upload is incomplete or its record is damaged. False if there was no such blob; a retry
   * after a lost response also returns false.
   */
  async delete(id: string, options: CallOptions = {}): Promise<boolean> {
    const { deleteBlob } = await import('./blob-requests.ts');
    return await deleteBlob(this.#transport, id, options);
  }

  /**
   * Revokes a blob's link and creates a new one. Blob and key do not change.
   * @param oldUrl a link of the blob with its key, which is copied into the new link. Without it, `url` has no key,
   * and a person who knows the key must append it as the fragment
   * @throws NotFoundError blob_not_found; InvalidRequestError invalid_link if `oldUrl` belongs to another blob
   */
  async relink(id: string, oldUrl?: string, options: CallOptions = {}): Promise<RelinkBlobResponse> {
    const { requestLinkReplacement } = await import('./link-requests.ts');
    return await requestLinkReplacement(this.#transport, id, oldUrl, options);
  }
}
