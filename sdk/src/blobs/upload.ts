/** Uploads (docs/blobs.md): encrypts content as it is read and sends it as a form or in parts. Loaded on first use. */
import { blobRoutes } from '../../../contract/blobs/routes.ts';
import type { CompleteBlobResponse, FormUpload } from '../../../contract/blobs/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { descriptionBlockLength } from '../../../core/blobs/blob-format.ts';
import { sha256 } from '../../../core/blobs/blob-key-derivation.ts';
import { collectBytes, eachPiece } from '../../../core/blobs/byte-source.ts';
import { computeLinkProof, verifierOf } from '../../../core/blobs/link-proof.ts';
import { formatLinkUrl } from '../../../core/blobs/share-link.ts';
import { type Bytes, concatBytes, toBase64 } from '../../../core/encoding/bytes.ts';
import { checkStorageUrl, requestStorage, withTransferTimeout } from '../http/object-storage.ts';
import { withRetries } from '../http/retry.ts';
import type { Transport } from '../http/transport.ts';
import type { CallSettings } from '../shared/client-options.ts';
import { AnimaError, createError } from '../shared/errors.ts';
import { decodeObject } from '../shared/json-decoders.ts';
import { blobInfoFields } from './blob-decoders.ts';
import type { BlobProgress, BlobUploadState, PutBlobOptions, PutBlobResult } from './blob-types.ts';
import { type ContentSource, toContentSource } from './content-source.ts';
import { linkFields, withValidLink } from './link-requests.ts';
import { listArrivedParts, type Part, PartBufferPool, PartUploader, splitIntoParts } from './multipart-upload.ts';
import { beginUpload, contentChangedError, resumeUpload, type UploadSession } from './upload-state.ts';

/** Maximum parts in memory: the parts being sent and the part being encrypted. */
const maxPartsInMemory = 3;

const uploadOutcomeHint =
  'The upload is incomplete: resume it with the state from onState, or start again. Incomplete uploads are removed automatically';

const decodeCompletedBlob = withValidLink(decodeObject<CompleteBlobResponse>({ ...blobInfoFields, ...linkFields }));

const uploadOptionNames = [
  'type',
  'name',
  'expiresIn',
  'maxOpens',
  'burn',
  'onProgress',
  'onState',
  'resume',
] as const satisfies (keyof PutBlobOptions)[];

/** @throws AnimaError, and errors thrown by the content or a callback */
export async function uploadBlob(
  transport: Transport,
  content: unknown,
  options: PutBlobOptions,
): Promise<PutBlobResult> {
  const settings = {
    ...transport.callSettings(options, ...uploadOptionNames),
    outcomeHint: uploadOutcomeHint,
  };
  const source = toContentSource(content);
  const upload =
    options.resume === undefined
      ? await beginUpload(transport, source, options, settings)
      : await resumeUpload(source, options.resume);
  const putting = new BlobUploader(transport, source, upload, options, settings);
  const { upload: ticket } = upload.state;
  return ticket.kind === 'form' ? await putting.uploadByForm(ticket) : await putting.uploadInParts();
}

class BlobUploader {
  readonly #transport: Transport;
  readonly #source: ContentSource;
  readonly #session: UploadSession;
  readonly #options: PutBlobOptions;
  readonly #settings: CallSettings;
  /** SHA-256 of the parts, base64, starting with those of the state. */
  readonly #checksums: string[];
  readonly #buffers = new PartBufferPool();
  #comparedParts = 0;
  #contentLength = 0;
  #uploadedBytes = 0;

  constructor(
    transport: Transport,
    source: ContentSource,
    upload: UploadSession,
    options: PutBlobOptions,
    settings: CallSettings,
  ) {
    this.#transport = transport;
    this.#source = source;
    this.#session = upload;
    this.#options = options;
    this.#settings = settings;
    this.#checksums = [...upload.state.parts];
  }

  async uploadByForm(ticket: FormUpload): Promise<PutBlobResult> {
    const url = checkStorageUrl(ticket.url);
    const { sealer, state } = this.#session;
    const bytes = await collectBytes(eachPiece(sealer.seal(this.#countedContent(this.#settings))));
    const { checksum } = await this.#recordPart(bytes);
    // In a resumed upload all bytes may have arrived already, and only the completion or its response is missing.
    const before = state.parts.length > 0 ? await this.#completeIfUploaded(checksum) : undefined;
    if (before === undefined) {
      const body = buildFormData(ticket.fields, checksum, bytes);
      const settings = withTransferTimeout(bytes.length, this.#settings);
      const attempt = () => requestStorage(this.#transport.fetch, { method: 'POST', url, body }, settings);
      await withRetries(settings, attempt, ({ retryable, status }) => retryable || status === 400);
    }
    this.#addProgress(bytes.length);
    return before ?? (await this.#complete(checksum));
  }

  async uploadInParts(): Promise<PutBlobResult> {
    const stop = new AbortController();
    const { signal } = this.#settings;
    const onAbort = () => stop.abort();
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    // One signal for the whole upload: if a part fails permanently, neither the other parts nor the content are
    // awaited.
    const settings = { ...this.#settings, signal: stop.signal };
    const window = new ConcurrencyLimiter(maxPartsInMemory - 1, onAbort);
    try {
      await this.#sendParts(window, settings);
      await window.waitForAll();
    } catch (error) {
      stop.abort();
      throw window.failed ? window.failure : error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#buffers.clear();
    }
    const digests = concatBytes(
      ...this.#checksums.map((checksum) => Uint8Array.from(atob(checksum), (c) => c.charCodeAt(0))),
    );
    return await this.#complete(`${toBase64(await sha256(digests))}-${this.#checksums.length}`);
  }

  async #sendParts(window: ConcurrencyLimiter, settings: CallSettings): Promise<void> {
    const { id, parts } = this.#session.state;
    const sender = new PartUploader(this.#transport, id, settings);
    const arrived =
      parts.length > 0 ? await listArrivedParts(this.#transport, id, settings) : new Map<number, string>();
    const memory = this.#buffers;
    let held: Part[] = [];
    const release = async () => {
      for (const part of held) {
        await window.run(async () => {
          await sender.upload(part);
          this.#addProgress(part.bytes.length);
          memory.giveBack(part.bytes);
        });
      }
      held = [];
    };
    const { sealer, partLength } = this.#session;
    for await (const bytes of splitIntoParts(sealer.seal(this.#countedContent(settings)), partLength, memory)) {
      const part = await this.#recordPart(bytes);
      const there = arrived === 'all' ? part.checksum : arrived.get(part.number);
      // The part was uploaded but is not in the state, so the state was not the newest.
      if (there !== undefined && there !== part.checksum) throw contentChangedError();
      if (there === undefined) held.push(part);
      else {
        this.#addProgress(bytes.length);
        memory.giveBack(bytes);
      }
      // All parts in the state are compared before any part is sent. At most as many parts as fit in memory can be
      // missing, unless the state was not the newest. In that case each part is sent after its own comparison.
      if (part.number >= parts.length || held.length > maxPartsInMemory) await release();
    }
    if (this.#comparedParts < parts.length) throw contentChangedError();
    await release();
  }

  async *#countedContent(settings: CallSettings): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of this.#source.pieces(settings)) {
      this.#contentLength += piece.length;
      if (this.#contentLength + descriptionBlockLength > limits.blobBytes) {
        throw createError('blob_too_large', { detail: `it exceeds ${limits.blobBytes} bytes. ${uploadOutcomeHint}` });
      }
      yield piece;
    }
  }

  /**
   * Compares a part with the state, or adds it to the state and reports the state before the part can be sent.
   * @throws AnimaError content_changed
   */
  async #recordPart(bytes: Bytes): Promise<Part> {
    const checksum = toBase64(await sha256(bytes));
    const known = this.#checksums[this.#comparedParts++];
    if (known === undefined) {
      this.#checksums.push(checksum);
      const state: BlobUploadState = { ...this.#session.state, parts: [...this.#checksums] };
      await this.#options.onState?.(structuredClone(state));
    } else if (known !== checksum) throw contentChangedError();
    return { number: this.#comparedParts, bytes, checksum };
  }

  #addProgress(bytes: number): void {
    this.#uploadedBytes += bytes;
    const { total } = this.#session;
    this.#reportProgress({ bytes: this.#uploadedBytes, total });
  }

  #reportProgress(progress: BlobProgress): void {
    this.#options.onProgress?.(progress);
  }

  /** Completes the upload if all bytes have arrived already; otherwise undefined. */
  async #completeIfUploaded(checksum: string): Promise<PutBlobResult | undefined> {
    try {
      return await this.#complete(checksum);
    } catch (error) {
      if (error instanceof AnimaError && error.code === 'blob_not_uploaded') return undefined;
      throw error;
    }
  }

  async #complete(checksum: string): Promise<PutBlobResult> {
    const { link } = this.#session;
    const verifier = async (verb: 'open' | 'burn') =>
      toBase64(await verifierOf(await computeLinkProof(link.key, link, verb)));
    const body = { checksum, verifiers: { open: await verifier('open'), burn: await verifier('burn') } };
    const done = await this.#transport.request(
      { route: blobRoutes.completeBlob, id: link.id, body },
      this.#settings,
      (json) => {
        const read = decodeCompletedBlob(json);
        return read?.id === link.id ? read : undefined;
      },
    );
    if (this.#session.total === undefined)
      this.#reportProgress({ bytes: this.#uploadedBytes, total: this.#uploadedBytes });
    return {
      id: done.id,
      url: formatLinkUrl(done.url, link.key),
      link: done.link,
      size: this.#contentLength - (this.#session.state.indexLength ?? 0),
      ...(done.expiresAt !== undefined && { expiresAt: done.expiresAt }),
    };
  }
}

/** Builds a form for S3. The file must be the last field, because S3 ignores fields after it. */
function buildFormData(fields: Readonly<Record<string, string>>, checksum: string, bytes: Bytes): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('x-amz-checksum-sha256', checksum);
  form.append('file', new Blob([bytes]));
  return form;
}

/** Runs a limited number of tasks concurrently. */
class ConcurrencyLimiter {
  readonly #maxRunning: number;
  readonly #onFailure: () => void;
  readonly #running = new Set<Promise<void>>();
  failed = false;
  failure: unknown;

  constructor(most: number, onFailure: () => void) {
    this.#maxRunning = most;
    this.#onFailure = onFailure;
  }

  /** Starts the task when a slot is free, and resolves at that point. @throws the first failure */
  async run(work: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#maxRunning) await this.#waitForOne();
    const running = work()
      .catch((error: unknown) => {
        if (this.failed) return;
        this.failed = true;
        this.failure = error;
        this.#onFailure();
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async waitForAll(): Promise<void> {
    while (this.#running.size > 0) await this.#waitForOne();
    if (this.failed) throw this.failure;
  }

  async #waitForOne(): Promise<void> {
    await Promise.race(this.#running);
    if (this.failed) throw this.failure;
  }
}
