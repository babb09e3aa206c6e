/**
 * Ports of blobs and share links. Reads are strongly consistent as in all stores (api-keys/request-record-ports.ts).
 */
import type { FormUpload } from '../../contract/blobs/wire.ts';
import type { LinkId } from '../../core/blobs/share-link.ts';
import type { Page } from '../shared/ports.ts';

/** The record of a blob (docs/format.md, section 10). */
export interface StoredBlob extends LinkId {
  /**
   * The last action on the blob. Whether it has expired or reached its maximum number of openings is derived from the
   * other fields.
   */
  readonly state: 'uploading' | 'ready' | 'burned' | 'deleted';
  readonly createdAt: string;
  readonly uploadUntil: string;
  readonly completedAt?: string | undefined;
  readonly expiresAt?: string | undefined;
  /** Bytes of ciphertext: as announced at creation, and as measured since completion. */
  readonly size?: number | undefined;
  /** S3 ID of the multipart upload; absent for form uploads and after completion. */
  readonly uploadId?: string | undefined;
  readonly checksum?: string | undefined;
  readonly openVerifier?: string | undefined;
  readonly burnVerifier?: string | undefined;
  readonly openings: number;
  readonly maxOpens?: number | undefined;
  /** Name and time of the latest opening. The name identifies a retry. */
  readonly opening?: string | undefined;
  readonly openedAt?: string | undefined;
  readonly burn: boolean;
  /** Time in seconds since 1970 from which the record counts as absent. */
  readonly ttl?: number | undefined;
  /** Base64; not verified unless this is an AuthenticatedBlob. */
  readonly mac?: string | undefined;
}

/** A record whose MAC was computed or verified. */
export interface AuthenticatedBlob extends StoredBlob {
  readonly mac: string;
}

/** A record in a list; `blob` is undefined if the record does not have the documented form. */
export interface ListedBlob {
  readonly id: string;
  readonly blob: StoredBlob | undefined;
}

/** Fields that a completion adds to a record. */
export interface Completion {
  readonly completedAt: string;
  readonly size: number;
  readonly checksum: string;
  readonly openVerifier: string;
  readonly burnVerifier: string;
  readonly ttl: number | undefined;
}

/** The operations of records that do not depend on their MACs. */
interface BlobDeletions {
  /** Marks a blob that is uploading or ready as deleted. */
  markDeleted(org: string, id: string, ttl: number): Promise<boolean>;
  /** What is needed to delete a blob with a damaged record. */
  getUnverified(org: string, id: string): Promise<PurgeableBlob | undefined>;
  /** Deletes a record. */
  remove(org: string, id: string): Promise<void>;
}

/**
 * Verified records of blobs. Each change is one conditional write. It returns false and changes nothing if the record
 * is no longer in the required state.
 */
export interface BlobStore extends BlobDeletions {
  /** Stores a new record. @throws VaultError `internal` if the ID is already in use */
  create(blob: StoredBlob): Promise<void>;
  /** @throws DecryptionError if the vault did not write the record */
  get(org: string, id: string): Promise<StoredBlob | undefined>;
  /** Records with IDs before the given one, in descending order. `blob` is undefined for a damaged record. */
  list(org: string, before: string | undefined, limit: number): Promise<Page<ListedBlob>>;
  /** Marks a blob that is uploading as ready, on condition that its record is the given one. */
  markReady(blob: StoredBlob, completion: Completion): Promise<boolean>;
  /** Replaces the locator of a ready blob, on condition that its record is the given one. */
  replaceLocator(blob: StoredBlob, locator: string): Promise<boolean>;
}

/** The same records with their MACs, as the table has them: not verified. */
export interface BlobRecordStore extends BlobDeletions {
  create(blob: AuthenticatedBlob): Promise<void>;
  /** @throws DecryptionError if the record does not have the documented form */
  get(org: string, id: string): Promise<StoredBlob | undefined>;
  list(org: string, before: string | undefined, limit: number): Promise<Page<ListedBlob>>;
  /** The MAC of the record that was read identifies it in the condition. */
  markReady(before: AuthenticatedBlob, completion: Completion & { readonly mac: string }): Promise<boolean>;
  replaceLocator(before: AuthenticatedBlob, next: { readonly locator: string; readonly mac: string }): Promise<boolean>;
}

/** A record behind a link that does not have the documented form. */
export interface MalformedBlob {
  readonly malformed: true;
  /** As stored, to compare it with that of the link. */
  readonly locator: string | undefined;
}

/** The records behind a link, both unverified. */
export interface LinkRecords {
  readonly keyring: unknown;
  readonly blob: StoredBlob | MalformedBlob | undefined;
}

/** An opening: the random name that the reader chose for it, and its time. */
export interface LinkOpening {
  readonly opening: string;
  readonly openedAt: string;
}

/** The operations on records that requests without an API key can perform. */
export interface LinkStore {
  /** Reads keyring and record in one round trip. */
  read(org: string, id: string): Promise<LinkRecords>;
  /**
   * Counts an opening, on condition that the blob is ready, still has this locator and has an opening left. Returns the
   * updated record, unverified. Returns undefined if the condition fails, or if an earlier attempt of the same call
   * succeeded.
   * @param opening name and time of the opening
   * @param ttl time from which the record counts as absent; undefined leaves it unchanged
   */
  recordOpening(blob: LinkId, opening: LinkOpening, ttl: number | undefined): Promise<StoredBlob | undefined>;
  /**
   * Marks a blob as burned if it is ready and still has this locator. Returns false and changes nothing if it is not.
   */
  markBurned(blob: LinkId, ttl: number): Promise<boolean>;
  /** Sets the time in seconds since 1970 from which a record counts as absent. */
  setTtl(org: string, id: string, ttl: number): Promise<void>;
}

/** An uploaded part. */
export interface StoredPart {
  readonly number: number;
  readonly size: number;
  /** SHA-256, base64; empty if the storage service does not report it. */
  readonly checksum: string;
  /** The storage service's ETag of this upload of the part. */
  readonly tag: string;
}

export interface FoundObject {
  readonly size: number;
  /** The storage service's ETag of this content of the object. */
  readonly tag: string;
  /** As `checksum` of CompleteBlobRequest (contract/blobs/wire.ts); undefined if the object has none. */
  readonly checksum: string | undefined;
}

/** A part that the client announced. */
export interface AnnouncedPart {
  readonly number: number;
  readonly size: number;
  readonly checksum: string;
}

/**
 * Storage of ciphertext. Failures are VaultError `unavailable`. Presigned URLs are valid for
 * `limits.blobPresignedUrlSeconds`.
 */
export interface UploadObjectStore {
  /** A form for exactly `size` bytes. S3 verifies the data against the checksum sent with the form. */
  presignForm(org: string, id: string, size: number): Promise<Omit<FormUpload, 'kind' | 'expiresAt'>>;
  /** Starts a multipart upload and returns its ID. */
  startMultipartUpload(org: string, id: string): Promise<string>;
  /** A presigned URL for one part of exactly this size and checksum, and the headers that the request must have. */
  presignPart(
    org: string,
    id: string,
    uploadId: string,
    part: AnnouncedPart,
  ): Promise<{ url: string; headers: Record<string, string> }>;
  /** Parts after a number, ascending; undefined if the upload does not exist (any more). */
  listParts(
    org: string,
    id: string,
    uploadId: string,
    after: number,
    limit: number,
  ): Promise<Page<StoredPart> | undefined>;
  /**
   * Assembles the object from its parts. Does nothing if the upload does not exist or a part is not the one that was
   * listed.
   */
  completeMultipartUpload(org: string, id: string, uploadId: string, parts: readonly StoredPart[]): Promise<void>;
  /** What a form has uploaded; undefined if there is nothing. */
  findFormUpload(org: string, id: string): Promise<FoundObject | undefined>;
  /**
   * Copies what a form has uploaded to the object, on condition that it still has this tag and that the object does not
   * exist. Does nothing otherwise. No ticket can change the object.
   * @param lifetime as for `setLifetimeTag`
   */
  copyFormUpload(org: string, id: string, tag: string, lifetime: string): Promise<void>;
  /** Deletes what a form has uploaded. Does nothing if there is nothing. */
  deleteFormUpload(org: string, id: string): Promise<void>;
  /** The object; undefined if it does not exist. */
  findObject(org: string, id: string): Promise<FoundObject | undefined>;
  /**
   * Sets how long the object is kept (contract/shared/environment-variables.ts, `objectLifetimeTag`). Returns false if
   * it does not exist.
   */
  setLifetimeTag(org: string, id: string, lifetime: string): Promise<boolean>;
  /** Aborts a multipart upload and discards its parts. Does nothing if it does not exist. */
  abortMultipartUpload(org: string, id: string, uploadId: string): Promise<void>;
  /** Deletes the object. Does nothing if it does not exist. */
  deleteObject(org: string, id: string): Promise<void>;
}

/** The object operations of share links. */
export interface LinkObjectStore extends Pick<UploadObjectStore, 'findObject' | 'setLifetimeTag' | 'deleteObject'> {
  /** A presigned URL to download the object, entirely or by range. */
  presignDownload(org: string, id: string): Promise<string>;
}

/** Deletes all objects of an org. It cannot read any. */
export interface OrgObjectPurger extends Pick<UploadObjectStore, 'abortMultipartUpload'> {
  /** Object names after the given one, ascending. */
  listKeys(org: string, after: string | undefined): Promise<Page<string>>;
  /** Deletes objects by name. */
  deleteKeys(org: string, names: readonly string[]): Promise<void>;
}

/** The fields of a record that are needed to delete it. Its other fields may be malformed. */
export type PurgeableBlob = Pick<StoredBlob, 'id' | 'uploadId'>;

/** Deletes the blob records of an org. */
export interface BlobRecordPurger {
  /** As BlobStore.list. */
  list(org: string, before: string | undefined, limit: number): Promise<Page<PurgeableBlob>>;
  /** Deletes a record. */
  remove(org: string, id: string): Promise<void>;
}
