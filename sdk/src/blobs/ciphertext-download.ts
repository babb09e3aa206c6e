import type { OpenLinkResponse } from '../../../contract/blobs/wire.ts';
import { blobHeaderLength } from '../../../core/blobs/blob-format.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { release } from '../../../core/encoding/bytes.ts';
import { begin, broken, checkAnswer } from '../http/object-storage.ts';
import { bounded, pause, retryDelay } from '../http/retry.ts';
import type { CallSettings, Fetch } from '../shared/client-options.ts';
import { AnimaError, errorOf } from '../shared/errors.ts';
import type { BlobProgress } from './blob-types.ts';

type Reading = ReadableStreamDefaultReader<Uint8Array>;

/**
 * The ciphertext of an opening, as it arrives. After a broken connection it goes on where it stopped, at the same address: no byte comes
 * twice, and it counts as no opening.
 */
export class SealedObject {
  readonly #fetch: Fetch;
  readonly #opening: OpenLinkResponse;
  readonly #settings: CallSettings;
  readonly #onProgress: ((progress: BlobProgress) => void) | undefined;
  readonly #head = new Uint8Array(blobHeaderLength);
  #at = 0;
  /** Of the object that was begun with; stores do not always show it to browsers. */
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

  /** The first 64 bytes, once they have arrived. */
  header(): Uint8Array {
    return this.#head;
  }

  /** Each piece is good until the next is asked for. @throws AnimaError; DecryptionError when it is longer or shorter than the vault says, or became another */
  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    const { size } = this.#opening;
    for (let failures = 0; ; failures++) {
      const before = this.#at;
      try {
        yield* this.#connection();
        if (this.#at === size) return;
        // It ended well, with nothing: there is no more.
        if (this.#at === before) throw new DecryptionError();
        throw errorOf('connection_failed', {
          detail: `the store ended before all was there. ${this.#settings.outcome}`,
        });
      } catch (error) {
        if (this.#at > before) failures = 0;
        if (!(error instanceof AnimaError && error.retryable) || failures >= this.#settings.maxRetries) throw error;
        await pause(retryDelay(failures, error.retryAfter), this.#settings);
      }
    }
  }

  async *#connection(): AsyncGenerator<Uint8Array, void, undefined> {
    // One signal for the connection: each of its reads has a time-out of its own.
    const controller = new AbortController();
    let reader: Reading | undefined;
    try {
      reader = await this.#within(controller, () => this.#begin(controller.signal));
      while (reader !== undefined) {
        const from: Reading = reader;
        const { done, value } = await this.#within(controller, () => from.read().catch(broken(this.#settings)));
        if (done) return;
        this.#note(value);
        yield value;
        release(value);
      }
    } finally {
      controller.abort();
      void reader?.cancel().catch(() => undefined);
    }
  }

  #within<T>(controller: AbortController, work: () => Promise<T>): Promise<T> {
    return bounded(this.#settings, (signal) => {
      signal.addEventListener('abort', () => controller.abort(), { once: true });
      return work();
    });
  }

  async #begin(signal: AbortSignal): Promise<Reading | undefined> {
    const { url } = this.#opening;
    const resumes = this.#at > 0;
    const headers: Record<string, string> = resumes ? { range: `bytes=${this.#at}-` } : {};
    const response = await begin(this.#fetch, { method: 'GET', url, headers }, this.#settings, signal);
    // Not there: shorter than it should be.
    if (resumes && response.status === 416) throw new DecryptionError();
    await checkAnswer(response, resumes ? 206 : 200);
    const etag = response.headers.get('etag');
    if (resumes && etag !== this.#etag) throw new DecryptionError();
    this.#etag = etag;
    return response.body?.getReader();
  }

  #note(piece: Uint8Array): void {
    const { size } = this.#opening;
    if (this.#at < blobHeaderLength) this.#head.set(piece.subarray(0, blobHeaderLength - this.#at), this.#at);
    this.#at += piece.length;
    if (this.#at > size) throw new DecryptionError();
    this.#onProgress?.({ bytes: this.#at, total: size });
  }
}
