/** Uploads in parts: made one after the other, sent a few at a time, each by an address for exactly its bytes. */
import type { GrantPartsResponse, ListPartsResponse } from '../../../contract/blobs/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { blobHeaderLength } from '../../../core/blobs/blob-format.ts';
import { type Bytes, detachBuffer } from '../../../core/encoding/bytes.ts';
import { checkStorageUrl, requestStorage, withTransferTimeout } from '../http/object-storage.ts';
import { withRetries } from '../http/retry.ts';
import type { Transport } from '../http/transport.ts';
import type { CallSettings } from '../shared/client-options.ts';
import { AnimaError, createError } from '../shared/errors.ts';
import {
  decodeListOf,
  decodeNumber,
  decodeObject,
  decodeStringMap,
  decodeText,
  optional,
} from '../shared/json-decoders.ts';
import { List } from '../shared/paginated-list.ts';

/** A part as it is sent. */
export interface Part {
  /** 1, 2, 3 … */
  readonly number: number;
  readonly bytes: Bytes;
  /** SHA-256, base64. */
  readonly checksum: string;
}

type PresignedPart = GrantPartsResponse['parts'][number];

interface PartAwaitingUrl {
  readonly part: Part;
  readonly resolve: (address: PresignedPart) => void;
  readonly reject: (error: unknown) => void;
}

const decodePresignedPart = decodeObject<PresignedPart>({
  number: decodeNumber,
  url: decodeText,
  headers: decodeStringMap,
});
const decodePresignedParts = decodeObject<GrantPartsResponse>({
  parts: decodeListOf(decodePresignedPart),
  expiresAt: decodeText,
});
const decodeArrivedPart = decodeObject<ListPartsResponse['parts'][number]>({
  number: decodeNumber,
  size: decodeNumber,
  checksum: decodeText,
});
const decodePartPage = decodeObject<ListPartsResponse>({
  parts: decodeListOf(decodeArrivedPart),
  cursor: optional(decodeText),
});

/** Checksums of the parts that have arrived, by their numbers; `all` when the upload is complete. */
export async function listArrivedParts(
  transport: Transport,
  id: string,
  settings: CallSettings,
): Promise<ReadonlyMap<number, string> | 'all'> {
  const list = new List(
    (cursor: string | undefined) =>
      transport.request({ route: 'listParts', id, query: { cursor } }, settings, decodePartPage),
    ({ parts }) => parts,
  );
  try {
    return new Map((await list.toArray()).map((part) => [part.number, part.checksum]));
  } catch (error) {
    if (error instanceof AnimaError && error.code === 'blob_completed') return 'all';
    throw error;
  }
}

/** Sends parts. Those that wait for an address while another request for some is under way are asked for together. */
export class PartUploader {
  readonly #transport: Transport;
  readonly #id: string;
  readonly #settings: CallSettings;
  #awaitingUrl: PartAwaitingUrl[] = [];
  #isPresigning = false;

  constructor(transport: Transport, id: string, settings: CallSettings) {
    this.#transport = transport;
    this.#id = id;
    this.#settings = settings;
  }

  /** Resolves once the part has arrived. @throws AnimaError */
  async upload(part: Part): Promise<void> {
    const { fetch } = this.#transport;
    const settings = withTransferTimeout(part.bytes.length, this.#settings);
    let to = await this.#presign(part);
    const attempt = () =>
      requestStorage(fetch, { method: 'PUT', url: to.url, headers: to.headers, body: part.bytes }, settings);
    await withRetries(settings, attempt, async ({ code, status, retryable }) => {
      // Past its time, or signed by a session that has ended.
      if (code === 'storage_refused' && status === 403) to = await this.#presign(part);
      // 400: what arrived was not what was signed, or came too slowly. The bytes are what they were.
      return retryable || status === 403 || status === 400;
    });
  }

  #presign(part: Part): Promise<PresignedPart> {
    return new Promise((resolve, reject) => {
      this.#awaitingUrl.push({ part, resolve, reject });
      if (!this.#isPresigning) void this.#presignWaiting();
    });
  }

  async #presignWaiting(): Promise<void> {
    this.#isPresigning = true;
    while (this.#awaitingUrl.length > 0) {
      const asked = this.#awaitingUrl.splice(0, limits.blobPartsPresigned);
      try {
        const granted = await this.#requestPresignedParts(asked.map(({ part }) => part));
        for (const { part, resolve } of asked) resolve(findPresignedPart(part, granted));
      } catch (error) {
        for (const { reject } of asked) reject(error);
      }
    }
    this.#isPresigning = false;
  }

  async #requestPresignedParts(parts: readonly Part[]): Promise<PresignedPart[]> {
    const body = { parts: parts.map(({ number, bytes, checksum }) => ({ number, size: bytes.length, checksum })) };
    const call = { route: 'grantParts', id: this.#id, body } as const;
    return (await this.#transport.request(call, this.#settings, decodePresignedParts)).parts;
  }
}

function findPresignedPart({ number }: Part, granted: readonly PresignedPart[]): PresignedPart {
  const found = granted.find((one) => one.number === number);
  if (found === undefined) {
    throw createError('unexpected_response', { detail: 'there is no address for a part. The upload is not complete' });
  }
  return { ...found, url: checkStorageUrl(found.url), headers: dropForbiddenHeaders(found.headers) };
}

/** Platforms write these two themselves, and some throw when they are told. */
const dropForbiddenHeaders = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(?:host|content-length)$/i.test(name)));

/**
 * Memory of parts, used again and again: fresh megabytes for each would pile up until they are collected. A request that was given up on, should
 * it send what is written later, sends what was not signed.
 */
export class PartBufferPool {
  readonly #free: ArrayBuffer[] = [];

  acquire(length: number): Bytes {
    const found = this.#free.pop();
    return found === undefined ? new Uint8Array(length) : new Uint8Array(found, 0, length);
  }

  /** Gives all of it back that is not in use. */
  clear(): void {
    for (const buffer of this.#free.splice(0)) detachBuffer(new Uint8Array(buffer));
  }

  /** Takes a part back that is needed no more. */
  giveBack(part: Bytes): void {
    this.#free.push(part.buffer);
  }
}

/**
 * A sealed blob as parts.
 * @param length bytes of each part but the last; the first has the header beside them
 */
export async function* splitIntoParts(
  sealed: AsyncIterable<Uint8Array>,
  length: number,
  memory: PartBufferPool,
): AsyncGenerator<Bytes, void, undefined> {
  let part = memory.acquire(blobHeaderLength + length);
  let at = 0;
  for await (const piece of sealed) {
    for (let rest = piece; rest.length > 0; ) {
      if (at === part.length) {
        yield part;
        part = memory.acquire(length);
        at = 0;
      }
      const taken = rest.subarray(0, part.length - at);
      part.set(taken, at);
      at += taken.length;
      rest = rest.subarray(taken.length);
    }
    detachBuffer(piece);
  }
  yield part.subarray(0, at);
}
