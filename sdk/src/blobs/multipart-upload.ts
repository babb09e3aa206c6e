/**
 * Multipart uploads: parts are encrypted in sequence and sent concurrently. Each is sent to a presigned URL that is
 * valid only for exactly its bytes.
 */
import { blobRoutes } from '../../../contract/blobs/routes.ts';
import type { GrantPartsResponse, ListPartsResponse } from '../../../contract/blobs/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import { blobHeaderLength } from '../../../core/blobs/blob-format.ts';
import { eachPiece, type PieceGroup } from '../../../core/blobs/byte-source.ts';
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

/** One part of an upload. */
export interface Part {
  /** Part number, from 1. */
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

/** Checksums of the parts that have arrived, by part number; `all` if the upload is complete. */
export async function listArrivedParts(
  transport: Transport,
  id: string,
  settings: CallSettings,
): Promise<ReadonlyMap<number, string> | 'all'> {
  const list = new List(
    (cursor: string | undefined) =>
      transport.request({ route: blobRoutes.listParts, id, query: { cursor } }, settings, decodePartPage),
    ({ parts }) => parts,
  );
  try {
    return new Map((await list.toArray()).map((part) => [part.number, part.checksum]));
  } catch (error) {
    if (error instanceof AnimaError && error.code === 'blob_completed') return 'all';
    throw error;
  }
}

/** Sends parts. Parts that need a URL while a request for URLs is in progress are batched into the next request. */
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

  /** Resolves after the part is stored. @throws AnimaError */
  async upload(part: Part): Promise<void> {
    const { fetch } = this.#transport;
    const settings = withTransferTimeout(part.bytes.length, this.#settings);
    let to = await this.#presign(part);
    const attempt = () =>
      requestStorage(fetch, { method: 'PUT', url: to.url, headers: to.headers, body: part.bytes }, settings);
    await withRetries(settings, attempt, async ({ code, status, retryable }) => {
      // The URL has expired, or the AWS session that signed it has ended.
      if (code === 'storage_refused' && status === 403) to = await this.#presign(part);
      // HTTP 400: the bytes received did not match the signature, or arrived too slowly. The part itself is
      // unchanged, so retry.
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
    const call = { route: blobRoutes.grantParts, id: this.#id, body } as const;
    return (await this.#transport.request(call, this.#settings, decodePresignedParts)).parts;
  }
}

function findPresignedPart({ number }: Part, granted: readonly PresignedPart[]): PresignedPart {
  const found = granted.find((one) => one.number === number);
  if (found === undefined) {
    throw createError('unexpected_response', { detail: 'a part has no upload URL. The upload is incomplete' });
  }
  return { ...found, url: checkStorageUrl(found.url), headers: dropForbiddenHeaders(found.headers) };
}

/** Platforms set these two headers themselves, and some throw if a caller sets them. */
const dropForbiddenHeaders = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(?:host|content-length)$/i.test(name)));

/**
 * Reusable part buffers: allocating megabytes for each part would accumulate until garbage collection. If an
 * abandoned request still sends a buffer after it was overwritten, the bytes no longer match the signature.
 */
export class PartBufferPool {
  readonly #free: ArrayBuffer[] = [];

  acquire(length: number): Bytes {
    const found = this.#free.pop();
    return found === undefined ? new Uint8Array(length) : new Uint8Array(found, 0, length);
  }

  /** Releases all unused buffers. */
  clear(): void {
    for (const buffer of this.#free.splice(0)) detachBuffer(new Uint8Array(buffer));
  }

  /** Returns a buffer that is no longer needed to the pool. */
  giveBack(part: Bytes): void {
    this.#free.push(part.buffer);
  }
}

/**
 * Splits an encrypted blob into parts.
 * @param length bytes of each part except the last, not counting the 64-byte header in the first part
 */
export async function* splitIntoParts(
  sealed: AsyncIterable<PieceGroup>,
  length: number,
  memory: PartBufferPool,
): AsyncGenerator<Bytes, void, undefined> {
  let part = memory.acquire(blobHeaderLength + length);
  let at = 0;
  for await (const piece of eachPiece(sealed)) {
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
