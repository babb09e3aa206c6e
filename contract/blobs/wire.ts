/** JSON types of the routes of blobs and links (docs/blobs.md). Sizes are bytes of ciphertext. */

/** Options for a new blob. */
export interface BlobOptions {
  /** Seconds after its creation until the blob can no longer be opened. Default: it stays until it is deleted. */
  expiresIn?: number | undefined;
  /** Number of openings after which the blob can no longer be opened. Default: no limit. */
  maxOpens?: number | undefined;
  /** Read once: one opening, after which the reader destroys the blob with a proof of the key. */
  burn?: boolean | undefined;
}

export interface CreateBlobRequest extends BlobOptions {
  /**
   * Exact number of bytes that will be uploaded. When absent, the upload is in parts and the sum of the parts is the
   * size.
   */
  size?: number | undefined;
}

/**
 * A form to post to S3 as `multipart/form-data`: the fields in any order, then `x-amz-checksum-sha256`, then `file`.
 */
export interface FormUpload {
  kind: 'form';
  url: string;
  fields: Record<string, string>;
  /** RFC 3339 time until which S3 accepts the form. */
  expiresAt: string;
}

/** An upload in parts. `grantParts` returns the URLs of the parts. */
export interface PartsUpload {
  kind: 'parts';
  /**
   * Number of chunks of 2^20 bytes of plaintext in each part except the last. The first part also has the header,
   * before its chunks.
   */
  chunks: number;
}

/** A link without its key. The uploader appends the key as the fragment. */
export interface Link {
  /** 58 characters of `0-9 a-z`: org, blob and locator (docs/format.md, section 10). */
  link: string;
  /** URL of the page that opens the link, without a fragment. */
  url: string;
}

export interface CreateBlobResponse extends Link {
  id: string;
  upload: FormUpload | PartsUpload;
  /** RFC 3339 time by which the upload must be complete. */
  uploadUntil: string;
}

export interface GrantPartsRequest {
  parts: {
    /** 1, 2, 3 … */
    number: number;
    /** Bytes of this part. */
    size: number;
    /** SHA-256 of the part, base64. */
    checksum: string;
  }[];
}

export interface GrantPartsResponse {
  parts: {
    number: number;
    /** URL to which the part is sent by PUT with these headers. */
    url: string;
    headers: Record<string, string>;
  }[];
  /** RFC 3339 time until which S3 accepts the parts. */
  expiresAt: string;
}

export interface ListPartsResponse {
  /** Ascending by part number. */
  parts: { number: number; size: number; checksum: string }[];
  cursor?: string | undefined;
}

export interface CompleteBlobRequest {
  /**
   * For an upload by form: SHA-256 of the uploaded bytes, base64. For an upload in parts: SHA-256 of the concatenated
   * SHA-256 of the parts, base64, then `-` and the number of parts.
   */
  checksum: string;
  /**
   * SHA-256 of the proofs of docs/format.md, section 10, base64. With them, the service verifies that a caller knows
   * the key.
   */
  verifiers: { open: string; burn: string };
}

/**
 * `uploading` until the upload is complete; `ready` while the blob can be opened; `spent` after the last opening;
 * `burned` when a reader destroyed it; `expired`; `deleted`. A blob that can no longer be opened stays in lists for a
 * month.
 */
export type BlobState = 'uploading' | 'ready' | 'spent' | 'burned' | 'expired' | 'deleted';

export interface BlobInfo {
  id: string;
  state: BlobState;
  /** Absent during an upload without an announced size. */
  size?: number | undefined;
  createdAt: string;
  completedAt?: string | undefined;
  expiresAt?: string | undefined;
  /** Number of openings so far. */
  openings: number;
  maxOpens?: number | undefined;
  burn: boolean;
}

export interface CompleteBlobResponse extends BlobInfo, Link {}

export interface ListBlobsResponse {
  /** Newest first. */
  blobs: BlobInfo[];
  /** Ids of blobs on this page whose records are damaged; absent if there are none. */
  damaged?: string[] | undefined;
  cursor?: string | undefined;
}

export interface DeleteBlobResponse {
  /** False when no blob has that id, or it was already deleted. */
  deleted: boolean;
  /**
   * True when the record was damaged: the record and all stored data with that id were deleted. What the blob was, and
   * whether it had ended before, is not known.
   */
  damaged?: boolean | undefined;
}

export interface RelinkBlobResponse extends Link {
  id: string;
}

/** The facts that anyone with a link can see before proving knowledge of its key. */
export interface LookAtLinkResponse {
  size: number;
  createdAt: string;
  expiresAt?: string | undefined;
  /** Number of openings left; absent without a limit. */
  openingsLeft?: number | undefined;
  /** Whether the reader is expected to destroy the blob after reading it. */
  burn: boolean;
}

export interface BurnLinkRequest {
  /** The proof of docs/format.md, section 10, base64. */
  proof: string;
}

export interface OpenLinkRequest {
  proof: string;
  /**
   * Identifies this opening, so that a retry is recognized and not counted again: 16 to 64 random characters of `A-Z
   * a-z 0-9 _ -`, new for each opening. It is recognized as long as the returned URL works.
   */
  opening?: string | undefined;
}

export interface OpenLinkResponse extends LookAtLinkResponse {
  /** URL of the ciphertext, for any number of GET requests, with or without `Range`. */
  url: string;
  /** RFC 3339 time until which requests to this URL can begin. */
  urlExpiresAt: string;
}

export interface BurnLinkResponse {
  /** Always true, also when the blob was already burned. */
  burned: boolean;
}
