/** Types for blob uploads and downloads. */
import type { FormUpload } from '../../../contract/blobs/wire.ts';
import type { CallOptions } from '../shared/client-options.ts';

/** Fallback for programs compiled without DOM and Node types. */
interface BlobLike {
  readonly size: number;
  readonly type: string;
  arrayBuffer(): Promise<ArrayBuffer>;
}
interface StreamLike {
  getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }>; cancel(reason?: unknown): Promise<void> };
}

/** The `Blob` type of the target platform. A `File` is a `Blob`. */
export type PlatformBlob = typeof globalThis extends { Blob: { prototype: infer B } } ? B : BlobLike;

/** The byte `ReadableStream` type of the target platform. */
export type ByteStream = typeof globalThis extends { Response: { prototype: { readonly body: infer S } } }
  ? NonNullable<S>
  : StreamLike;

/**
 * Content that can be uploaded. Bytes and Blobs have a known size: progress then has a total, and content of up to 16
 * MiB is sent in one request. To upload a file of any size, use a Blob from `<input type=file>` or, in Node, from
 * `fs.openAsBlob(path)`. Strings are rejected, because a string could be meant as a path.
 */
export type BlobContent = Uint8Array | ArrayBuffer | PlatformBlob | ByteStream | AsyncIterable<Uint8Array>;

/**
 * A file of a set. A file can have a preview image, which is uploaded before all files: the page shows it while the rest
 * is loading.
 */
export interface BlobFile {
  readonly content: Uint8Array | ArrayBuffer | PlatformBlob;
  /** Media type. Default: that of the Blob, otherwise none. */
  readonly type?: string | undefined;
  /** File name. Default: that of the File, otherwise none. */
  readonly name?: string | undefined;
  readonly preview?: Uint8Array | ArrayBuffer | PlatformBlob | undefined;
}

/** Up to 1000 files, previews included, that share one link and one key. */
export type BlobFiles = readonly (BlobFile | BlobFile['content'])[];

/** Progress of a transfer. */
export interface BlobProgress {
  /** Bytes of ciphertext transferred so far. Never decreases. */
  readonly bytes: number;
  /** Total bytes of ciphertext; undefined while unknown. */
  readonly total: number | undefined;
}

/**
 * The state needed to resume an interrupted upload, as plain JSON. **It is a secret**: it contains the whole link
 * with its key. Protect it like the file, and delete it when the upload is complete.
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
  /** Content size in bytes, if it was known. */
  readonly size?: number | undefined;
  /** Bytes of the index, if the content is a set of files. */
  readonly indexLength?: number | undefined;
  /** Upload method. */
  readonly upload: FormUpload | { readonly kind: 'parts'; readonly chunks: number };
  /** SHA-256 of each part encrypted so far, base64. For a form upload, of the whole blob. */
  readonly parts: readonly string[];
}

export interface PutBlobOptions extends CallOptions {
  /** Media type. Default: that of the Blob, otherwise none. A set has no type. */
  type?: string | undefined;
  /**
   * File name, or the title of a set of files. Default: that of the File, otherwise none. Name and type are encrypted
   * with the content.
   */
  name?: string | undefined;
  /** Time until the blob expires: seconds, or '90s', '10m', '24h', '7d'. Default: it is kept until deleted. */
  expiresIn?: number | `${number}${'s' | 'm' | 'h' | 'd'}` | undefined;
  /** Number of openings after which the blob cannot be opened again. */
  maxOpens?: number | undefined;
  /** Allows one opening; the reader destroys the blob after reading it. */
  burn?: boolean | undefined;
  /** Called as ciphertext is transferred: after each part, or once if the blob is sent in one request. */
  onProgress?: ((progress: BlobProgress) => void) | undefined;
  /**
   * Called and awaited before a part is sent for the first time. The upload can be resumed from the state passed in.
   * **The state is a secret.** Keep only the newest state, and return after it is safely stored: parts sent after the
   * stored state cannot be compared on resume.
   */
  onState?: ((state: BlobUploadState) => unknown) | undefined;
  /** Resumes the upload of a state with the same content. The blob's other options are taken from the state. */
  resume?: BlobUploadState | undefined;
}

/** A blob that was uploaded. */
export interface PutBlobResult {
  id: string;
  /** The link with its key: **anyone who has it can open the blob.** It cannot be recovered if lost. */
  url: string;
  /** The 58-character link, without address and key. */
  link: string;
  /** Content size in bytes; of a set, the sum of its files. */
  size: number;
  expiresAt?: string | undefined;
}

export interface GetBlobOptions extends CallOptions {
  /** Called as ciphertext is transferred. */
  onProgress?: ((progress: BlobProgress) => void) | undefined;
  /** Whether to destroy a blob uploaded with `burn` after it is read to the end. Default: true. */
  burn?: boolean | undefined;
}
