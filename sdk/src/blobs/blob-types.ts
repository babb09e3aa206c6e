/** What goes into blobs and comes out of them, as types. */
import type { FormUpload } from '../../../contract/blobs/wire.ts';
import type { CallOptions } from '../shared/client-options.ts';

/** For programs compiled with neither the DOM's nor Node's types. */
interface BlobLike {
  readonly size: number;
  readonly type: string;
  arrayBuffer(): Promise<ArrayBuffer>;
}
interface StreamLike {
  getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }>; cancel(reason?: unknown): Promise<void> };
}

/** The `Blob` of the platform compiled for; a `File` is one. */
export type PlatformBlob = typeof globalThis extends { Blob: { prototype: infer B } } ? B : BlobLike;

/** The `ReadableStream` of bytes of the platform compiled for. */
export type ByteStream = typeof globalThis extends { Response: { prototype: { readonly body: infer S } } }
  ? NonNullable<S>
  : StreamLike;

/**
 * What can be uploaded. Bytes and Blobs have a known size, so that progress has a total and up to 16 MiB go in one request; a file of any size
 * is a Blob by `<input type=file>`, or `fs.openAsBlob(path)` in Node. A string is not taken: it could be meant as a path.
 */
export type BlobContent = Uint8Array | ArrayBuffer | PlatformBlob | ByteStream | AsyncIterable<Uint8Array>;

/** How far a transfer is. */
export interface BlobProgress {
  /** Bytes of ciphertext that have arrived; never fewer than told before. */
  readonly bytes: number;
  /** All of them; undefined while that is not known. */
  readonly total: number | undefined;
}

/**
 * All it takes to go on with an upload that broke off, as plain JSON. **It is a secret**: it holds the whole link with its key. Keep it where
 * you would keep the file itself, and drop it when the upload is complete.
 */
export interface BlobUploadState {
  readonly version: 1;
  readonly id: string;
  /** The link, with its key. */
  readonly url: string;
  /** The first 64 bytes of the blob, base64url. */
  readonly header: string;
  readonly type: string;
  readonly name: string;
  /** Bytes of content, when they were known. */
  readonly size?: number | undefined;
  /** How it is uploaded. */
  readonly upload: FormUpload | { readonly kind: 'parts'; readonly chunks: number };
  /** SHA-256 of each part made so far, base64; of a form, of the whole. */
  readonly parts: readonly string[];
}

export interface PutBlobOptions extends CallOptions {
  /** Media type; by default that of a Blob, else none. */
  type?: string | undefined;
  /** File name; by default that of a File, else none. Both are encrypted with the content. */
  name?: string | undefined;
  /** Until it can't be opened any more: seconds, or '90s', '10m', '24h', '7d'. It stays until deleted unless told. */
  expiresIn?: number | `${number}${'s' | 'm' | 'h' | 'd'}` | undefined;
  /** Openings after which it can't be opened any more. */
  maxOpens?: number | undefined;
  /** To be read once: one opening, and whoever has read it destroys it. */
  burn?: boolean | undefined;
  /** Called as ciphertext arrives: after each part, or once for what goes in one request. */
  onProgress?: ((progress: BlobProgress) => void) | undefined;
  /**
   * Called before a part is sent for the first time, and waited for: with what it is given, the upload can be resumed. **A secret.**
   * Keep the newest state only, and let this return when it is safely stored: what leaves after the state that you resume from can't be
   * compared.
   */
  onState?: ((state: BlobUploadState) => unknown) | undefined;
  /** Goes on with the upload of a state, of the same content; what else the blob is to be stands in the state. */
  resume?: BlobUploadState | undefined;
}

/** A blob that was uploaded. */
export interface PutBlobResult {
  id: string;
  /** The link with its key: **whoever has it can open the blob.** Nobody can give it again. */
  url: string;
  /** The link's 58 characters, without address and key. */
  link: string;
  /** Bytes of content. */
  size: number;
  expiresAt?: string | undefined;
}

export interface GetBlobOptions extends CallOptions {
  /** Called as ciphertext arrives. */
  onProgress?: ((progress: BlobProgress) => void) | undefined;
  /** Whether a blob that is to be burned is destroyed once it was read to its end; true unless told. */
  burn?: boolean | undefined;
}
