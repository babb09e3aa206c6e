/** Uploads (docs/blobs.md): encrypts content as it is read, and sends it by form or in parts. Loaded when first needed. */
import type { CompleteBlobResponse, FormUpload } from '../../../contract/blobs/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { descriptionLength } from '../../../core/blobs/blob-format.ts';
import { sha256 } from '../../../core/blobs/blob-key-derivation.ts';
import { collect } from '../../../core/blobs/blob-stream.ts';
import { proofOf, verifierOf } from '../../../core/blobs/link-proof.ts';
import { formatLinkUrl } from '../../../core/blobs/share-link.ts';
import { type Bytes, concat, toBase64 } from '../../../core/encoding/bytes.ts';
import { checkStorageUrl, exchange, roomFor } from '../http/object-storage.ts';
import { withRetries } from '../http/retry.ts';
import type { Transport } from '../http/transport.ts';
import type { CallSettings } from '../shared/client-options.ts';
import { AnimaError, errorOf } from '../shared/errors.ts';
import { object } from '../shared/json-decoders.ts';
import { blobFields } from './blob-decoders.ts';
import type { BlobProgress, BlobUploadState, PutBlobOptions, PutBlobResult } from './blob-types.ts';
import { type Source, sourceOf } from './content-source.ts';
import { linkFields, linking } from './link-requests.ts';
import { arrivedParts, type Part, PartMemory, PartSender, partsOf } from './multipart-upload.ts';
import { begun, contentChanged, resumed, type Upload } from './upload-state.ts';

/** Parts in memory: those being sent, and the one being made. */
const partsInMemory = 3;

const outcome =
  'The upload is not complete: go on with the state of onState, or begin anew. What is not completed is removed by itself';

const decodeCompleted = linking(object<CompleteBlobResponse>({ ...blobFields, ...linkFields }));

/** @throws AnimaError, and whatever the content or a callback throws */
export async function put(transport: Transport, content: unknown, options: PutBlobOptions): Promise<PutBlobResult> {
  const settings = { ...transport.settings(options), outcome };
  const source = sourceOf(content);
  const upload =
    options.resume === undefined
      ? await begun(transport, source, options, settings)
      : await resumed(source, options.resume);
  const putting = new Putting(transport, source, upload, options, settings);
  const { upload: ticket } = upload.state;
  return ticket.kind === 'form' ? await putting.byForm(ticket) : await putting.inParts();
}

class Putting {
  readonly #transport: Transport;
  readonly #source: Source;
  readonly #upload: Upload;
  readonly #options: PutBlobOptions;
  readonly #settings: CallSettings;
  /** Base64 of the SHA-256 of parts: those of the state, and how many of them were compared. */
  readonly #checksums: string[];
  readonly #memory = new PartMemory();
  #compared = 0;
  #contentLength = 0;
  #arrived = 0;

  constructor(transport: Transport, source: Source, upload: Upload, options: PutBlobOptions, settings: CallSettings) {
    this.#transport = transport;
    this.#source = source;
    this.#upload = upload;
    this.#options = options;
    this.#settings = settings;
    this.#checksums = [...upload.state.parts];
  }

  async byForm(ticket: FormUpload): Promise<PutBlobResult> {
    const url = checkStorageUrl(ticket.url);
    const { sealer, state } = this.#upload;
    const bytes = await collect(sealer.seal(this.#counted(this.#settings)));
    const { checksum } = await this.#made(bytes);
    // Of one that is resumed all may have arrived, with only the completion missing, or its answer.
    const before = state.parts.length > 0 ? await this.#completed(checksum) : undefined;
    if (before === undefined) {
      const body = formOf(ticket.fields, checksum, bytes);
      const settings = roomFor(bytes.length, this.#settings);
      const attempt = () => exchange(this.#transport.fetch, { method: 'POST', url, body }, settings);
      await withRetries(settings, attempt, ({ retryable, status }) => retryable || status === 400);
    }
    this.#progress(bytes.length);
    return before ?? (await this.#complete(checksum));
  }

  async inParts(): Promise<PutBlobResult> {
    const stop = new AbortController();
    const { signal } = this.#settings;
    const onAbort = () => stop.abort();
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    // One signal for all of it: when a part fails for good, neither the others nor the content are waited for.
    const settings = { ...this.#settings, signal: stop.signal };
    const window = new Window(partsInMemory - 1, onAbort);
    try {
      await this.#sendParts(window, settings);
      await window.empty();
    } catch (error) {
      stop.abort();
      throw window.failed ? window.failure : error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#memory.clear();
    }
    const digests = concat(
      ...this.#checksums.map((checksum) => Uint8Array.from(atob(checksum), (c) => c.charCodeAt(0))),
    );
    return await this.#complete(`${toBase64(await sha256(digests))}-${this.#checksums.length}`);
  }

  async #sendParts(window: Window, settings: CallSettings): Promise<void> {
    const { id, parts: known } = this.#upload.state;
    const sender = new PartSender(this.#transport, id, settings);
    const arrived = known.length > 0 ? await arrivedParts(this.#transport, id, settings) : new Map<number, string>();
    const memory = this.#memory;
    let held: Part[] = [];
    const release = async () => {
      for (const part of held) {
        await window.add(async () => {
          await sender.send(part);
          this.#progress(part.bytes.length);
          memory.give(part.bytes);
        });
      }
      held = [];
    };
    const { sealer, partLength } = this.#upload;
    for await (const bytes of partsOf(sealer.seal(this.#counted(settings)), partLength, memory)) {
      const part = await this.#made(bytes);
      const there = arrived === 'all' ? part.checksum : arrived.get(part.number);
      // Arrived without being in the state, which then was not the newest.
      if (there !== undefined && there !== part.checksum) throw contentChanged();
      if (there === undefined) held.push(part);
      else {
        this.#progress(bytes.length);
        memory.give(bytes);
      }
      // All that the state knows is compared before any of it is sent. No more can be missing than once was in memory, unless the state was
      // not the newest: then a part goes when it was compared by itself.
      if (part.number >= known.length || held.length > partsInMemory) await release();
    }
    if (this.#compared < known.length) throw contentChanged();
    await release();
  }

  async *#counted(settings: CallSettings): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const piece of this.#source.pieces(settings)) {
      this.#contentLength += piece.length;
      if (this.#contentLength + descriptionLength > limits.blobBytes) {
        throw errorOf('blob_too_large', { detail: `it is over ${limits.blobBytes} bytes. ${outcome}` });
      }
      yield piece;
    }
  }

  /** Compares a part with the state, or enters it there, which is told before the part can leave. @throws AnimaError content_changed */
  async #made(bytes: Bytes): Promise<Part> {
    const checksum = toBase64(await sha256(bytes));
    const known = this.#checksums[this.#compared++];
    if (known === undefined) {
      this.#checksums.push(checksum);
      const state: BlobUploadState = { ...this.#upload.state, parts: [...this.#checksums] };
      await this.#options.onState?.(structuredClone(state));
    } else if (known !== checksum) throw contentChanged();
    return { number: this.#compared, bytes, checksum };
  }

  #progress(bytes: number): void {
    this.#arrived += bytes;
    const { total } = this.#upload;
    this.#tell({ bytes: this.#arrived, total });
  }

  #tell(progress: BlobProgress): void {
    this.#options.onProgress?.(progress);
  }

  /** The completion, if all has arrived already. */
  async #completed(checksum: string): Promise<PutBlobResult | undefined> {
    try {
      return await this.#complete(checksum);
    } catch (error) {
      if (error instanceof AnimaError && error.code === 'blob_not_uploaded') return undefined;
      throw error;
    }
  }

  async #complete(checksum: string): Promise<PutBlobResult> {
    const { link } = this.#upload;
    const verifier = async (verb: 'open' | 'burn') => toBase64(await verifierOf(await proofOf(link.key, link, verb)));
    const body = { checksum, verifiers: { open: await verifier('open'), burn: await verifier('burn') } };
    const done = await this.#transport.request({ route: 'completeBlob', id: link.id, body }, this.#settings, (json) => {
      const read = decodeCompleted(json);
      return read?.id === link.id ? read : undefined;
    });
    if (this.#upload.total === undefined) this.#tell({ bytes: this.#arrived, total: this.#arrived });
    return {
      id: done.id,
      url: formatLinkUrl(done.url, link.key),
      link: done.link,
      size: this.#contentLength,
      ...(done.expiresAt !== undefined && { expiresAt: done.expiresAt }),
    };
  }
}

/** A form for S3: the file is the last field, since what comes after it is not read. */
function formOf(fields: Readonly<Record<string, string>>, checksum: string, bytes: Bytes): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('x-amz-checksum-sha256', checksum);
  form.append('file', new Blob([bytes]));
  return form;
}

/** Work under way, so many at a time. */
class Window {
  readonly #most: number;
  readonly #onFailure: () => void;
  readonly #running = new Set<Promise<void>>();
  failed = false;
  failure: unknown;

  constructor(most: number, onFailure: () => void) {
    this.#most = most;
    this.#onFailure = onFailure;
  }

  /** Begins it as soon as there is room, and resolves then. @throws the first failure */
  async add(work: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#most) await this.#next();
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

  async empty(): Promise<void> {
    while (this.#running.size > 0) await this.#next();
    if (this.failed) throw this.failure;
  }

  async #next(): Promise<void> {
    await Promise.race(this.#running);
    if (this.failed) throw this.failure;
  }
}
