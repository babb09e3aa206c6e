import type { OpenLinkResponse } from '../../../contract/blobs/wire.ts';
import { blobHeaderLength } from '../../../core/blobs/blob-format.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { detachBuffer } from '../../../core/encoding/bytes.ts';
import { checkStorageResponse, startStorageRequest, throwConnectionFailed } from '../http/object-storage.ts';
import { delay, retryDelay, withTimeout } from '../http/retry.ts';
import type { CallSettings, Fetch } from '../shared/client-options.ts';
import { AnimaError, createError } from '../shared/errors.ts';
import type { BlobProgress } from './blob-types.ts';

type CiphertextReader = ReadableStreamDefaultReader<Uint8Array>;

/**
 * The ciphertext of an opened blob, as a stream. After a lost connection the download continues at the same URL from
 * the last byte received. No byte is delivered twice, and no further opening is counted.
 */
export class CiphertextDownload {
  readonly #fetch: Fetch;
  readonly #opening: OpenLinkResponse;
  readonly #settings: CallSettings;
  readonly #onProgress: ((progress: BlobProgress) => void) | undefined;
  readonly #header = new Uint8Array(blobHeaderLength);
  #offset = 0;
  /** ETag of the object when the download began. Storage does not always expose it to browsers. */
  #etag: string | null = null;

  constructor(
    fetch: Fetch,
    opening: OpenLinkResponse,
    settings: CallSettings,
    onProgress: ((progress: BlobProgress) => void) | undefined,
  ) {
    this.#fetch = fetch;
    this.#opening = opening;
    this.#settings = settings;
    this.#onProgress = onProgress;
  }

  /** Resolves to the first 64 bytes once they have arrived. */
  header(): Uint8Array {
    return this.#header;
  }

  /**
   * Each piece is valid until the next one is requested. @throws AnimaError; DecryptionError if the ciphertext is
   * longer or shorter than the vault stated, or the stored object changed
   */
  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    const { size } = this.#opening;
    for (let failures = 0; ; failures++) {
      const before = this.#offset;
      try {
        yield* this.#readConnection();
        if (this.#offset === size) return;
        // The response ended normally without new bytes, so the object is too short.
        if (this.#offset === before) throw new DecryptionError();
        throw createError('connection_failed', {
          detail: `storage ended the response too early. ${this.#settings.outcomeHint}`,
        });
      } catch (error) {
        if (this.#offset > before) failures = 0;
        if (!(error instanceof AnimaError && error.retryable) || failures >= this.#settings.maxRetries) throw error;
        await delay(retryDelay(failures, error.retryAfter), this.#settings);
      }
    }
  }

  async *#readConnection(): AsyncGenerator<Uint8Array, void, undefined> {
    // One signal for the whole connection, because each read has a separate time-out.
    const controller = new AbortController();
    let reader: CiphertextReader | undefined;
    try {
      reader = await this.#withTimeout(controller, () => this.#openConnection(controller.signal));
      while (reader !== undefined) {
        const from: CiphertextReader = reader;
        const { done, value } = await this.#withTimeout(controller, () =>
          from.read().catch(throwConnectionFailed(this.#settings)),
        );
        if (done) return;
        this.#recordPiece(value);
        yield value;
        detachBuffer(value);
      }
    } finally {
      controller.abort();
      void reader?.cancel().catch(() => undefined);
    }
  }

  #withTimeout<T>(controller: AbortController, work: () => Promise<T>): Promise<T> {
    return withTimeout(this.#settings, (signal) => {
      signal.addEventListener('abort', () => controller.abort(), { once: true });
      return work();
    });
  }

  async #openConnection(signal: AbortSignal): Promise<CiphertextReader | undefined> {
    const { url } = this.#opening;
    const resumes = this.#offset > 0;
    const headers: Record<string, string> = resumes ? { range: `bytes=${this.#offset}-` } : {};
    const response = await startStorageRequest(this.#fetch, { method: 'GET', url, headers }, this.#settings, signal);
    // Range not satisfiable: the object is shorter than the vault stated.
    if (resumes && response.status === 416) throw new DecryptionError();
    await checkStorageResponse(response, resumes ? 206 : 200);
    const etag = response.headers.get('etag');
    if (resumes && etag !== this.#etag) throw new DecryptionError();
    this.#etag = etag;
    return response.body?.getReader();
  }

  #recordPiece(piece: Uint8Array): void {
    const { size } = this.#opening;
    if (this.#offset < blobHeaderLength)
      this.#header.set(piece.subarray(0, blobHeaderLength - this.#offset), this.#offset);
    this.#offset += piece.length;
    if (this.#offset > size) throw new DecryptionError();
    this.#onProgress?.({ bytes: this.#offset, total: size });
  }
}
