/** The JSON of blobs and links (docs/blobs.md), as types, like wire.ts. Sizes are bytes of ciphertext. */

/** What may be said of a blob when it is begun. */
export interface BlobOptions {
  /** Seconds until it can't be opened any more, counted since its creation; it stays until deleted unless told. */
  expiresIn?: number | undefined;
  /** Openings after which it can't be opened any more; no limit unless told. */
  maxOpens?: number | undefined;
  /** To be read once: one opening, and whoever has read it destroys it by a proof of the key. */
  burn?: boolean | undefined;
}

export interface CreateBlobRequest extends BlobOptions {
  /** Bytes that will be uploaded, exactly; when absent, the upload is in parts and their sum counts. */
  size?: number | undefined;
}

/** A form to be posted to S3 as `multipart/form-data`: the fields in any order, then `x-amz-checksum-sha256`, then `file`. */
export interface FormUpload {
  kind: 'form';
  url: string;
  fields: Record<string, string>;
  /** RFC 3339 time until which S3 takes it. */
  expiresAt: string;
}

/** To be uploaded in parts, whose addresses are asked for with `grantParts`. */
export interface PartsUpload {
  kind: 'parts';
  /** Chunks of 2^20 bytes of plaintext in each part but the last; the first part has the header before them. */
  chunks: number;
}

/** A link: its address without the key, which the uploader appends as fragment. */
export interface Link {
  /** 58 characters of `0-9 a-z`: org, blob and locator (docs/format.md, section 10). */
  link: string;
  /** Address of the page that opens it, without a fragment. */
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
    /** To be sent the part by PUT, with these headers. */
    url: string;
    headers: Record<string, string>;
  }[];
  /** RFC 3339 time until which S3 takes them. */
  expiresAt: string;
}

export interface ListPartsResponse {
  /** In the order of their numbers. */
  parts: { number: number; size: number; checksum: string }[];
  cursor?: string | undefined;
}

export interface CompleteBlobRequest {
  /**
   * SHA-256 of what was uploaded by form, base64; of an upload in parts, the SHA-256 of the parts' SHA-256 one after the other,
   * base64, then `-` and the number of parts.
   */
  checksum: string;
  /** SHA-256 of the proofs of docs/format.md, section 10, base64: by them the service knows who knows the key. */
  verifiers: { open: string; burn: string };
}

/**
 * `uploading` until it is complete; `ready` while it can be opened; `spent` after the last opening; `burned` by who read it;
 * `expired`; `deleted`. What can't be opened any more stays in lists for a month.
 */
export type BlobState = 'uploading' | 'ready' | 'spent' | 'burned' | 'expired' | 'deleted';

export interface BlobInfo {
  id: string;
  state: BlobState;
  /** Absent while uploading without an announced size. */
  size?: number | undefined;
  createdAt: string;
  completedAt?: string | undefined;
  expiresAt?: string | undefined;
  /** Openings so far. */
  openings: number;
  maxOpens?: number | undefined;
  burn: boolean;
}

export interface CompleteBlobResponse extends BlobInfo, Link {}

export interface ListBlobsResponse {
  /** Newest first. */
  blobs: BlobInfo[];
  cursor?: string | undefined;
}

export interface DeleteBlobResponse {
  /** False when there was nothing of that id, or it was gone before. */
  deleted: boolean;
}

export interface RelinkBlobResponse extends Link {
  id: string;
}

/** What anyone with a link may know before he proves that he knows its key. */
export interface LookAtLinkResponse {
  size: number;
  createdAt: string;
  expiresAt?: string | undefined;
  /** Openings that are left; absent without a limit. */
  openingsLeft?: number | undefined;
  /** Whether whoever has read it is to destroy it. */
  burn: boolean;
}

export interface BurnLinkRequest {
  /** The proof of docs/format.md, section 10, base64. */
  proof: string;
}

export interface OpenLinkRequest {
  proof: string;
  /**
   * Names this opening, so that a retry of it is recognised and not counted again: 16 to 64 of `A-Z a-z 0-9 _ -`, drawn for it. Good for as
   * long as the address that it gives.
   */
  opening?: string | undefined;
}

export interface OpenLinkResponse extends LookAtLinkResponse {
  /** Where the ciphertext is to be had, by GET, with `Range` as often as wanted. */
  url: string;
  /** RFC 3339 time until which requests to it may begin. */
  urlExpiresAt: string;
}

export interface BurnLinkResponse {
  /** Always true: what was burned before stays so. */
  burned: boolean;
}
