/** What the rules of blobs and links need from the world. As with all stores (ports.ts), reads are strongly consistent. */
import type { FormUpload } from '../../contract/blobs/wire.ts';
import type { LinkId } from '../../core/blobs/share-link.ts';
import type { Page } from '../shared/ports.ts';

/** The record of a blob (docs/format.md, section 10). */
export interface StoredBlob extends LinkId {
  /** What was done to it. That it has expired or was opened often enough follows from the rest. */
  readonly state: 'uploading' | 'ready' | 'burned' | 'deleted';
  readonly createdAt: string;
  readonly uploadUntil: string;
  readonly completedAt?: string | undefined;
  readonly expiresAt?: string | undefined;
  /** Bytes of ciphertext: as announced, and since completion as found. */
  readonly size?: number | undefined;
  /** Of the upload in parts; absent with one by form, and since completion. */
  readonly uploadId?: string | undefined;
  readonly checksum?: string | undefined;
  readonly openVerifier?: string | undefined;
  readonly burnVerifier?: string | undefined;
  readonly openings: number;
  readonly maxOpens?: number | undefined;
  /** Name of the latest opening, by which a repetition of it is known, and when it was. */
  readonly opening?: string | undefined;
  readonly openedAt?: string | undefined;
  readonly burn: boolean;
  /** Seconds since 1970 from which it counts as absent. */
  readonly ttl?: number | undefined;
}

/** What a completion adds to a record. */
export interface Completion {
  readonly completedAt: string;
  readonly size: number;
  readonly checksum: string;
  readonly openVerifier: string;
  readonly burnVerifier: string;
  readonly ttl: number | undefined;
}

/** Each change is one conditional write: false, and nothing changed, when the record is in another state by then. */
export interface BlobStore {
  /** Stores a new record; VaultError `internal` if there is one of that id. */
  create(blob: StoredBlob): Promise<void>;
  get(org: string, id: string): Promise<StoredBlob | undefined>;
  /** Records by id, descending, before one. */
  list(org: string, before: string | undefined, limit: number): Promise<Page<StoredBlob>>;
  /** Makes a blob ready that is uploading. */
  markReady(org: string, id: string, completion: Completion): Promise<boolean>;
  /** Gives a ready blob another locator. */
  replaceLocator(org: string, id: string, locator: string): Promise<boolean>;
  /** Marks a blob as deleted that is uploading or ready. */
  markDeleted(org: string, id: string, ttl: number): Promise<boolean>;
}

/** What one read brings of a link. The keyring is as stored, to be checked by the rules. */
export interface LinkRecords {
  readonly keyring: unknown;
  readonly blob: StoredBlob | undefined;
}

/** An opening, by the name that whoever opens has drawn for it, and its time. */
export interface LinkOpening {
  readonly opening: string;
  readonly openedAt: string;
}

/** All that requests without an API key may do to records. */
export interface LinkStore {
  /** Keyring and record in one round trip. */
  read(org: string, id: string): Promise<LinkRecords>;
  /**
   * Counts an opening of a ready blob that still has this locator and an opening left; the record as it is then, undefined when it is
   * not so, or when an earlier try of this very call has succeeded.
   * @param opening names it
   * @param ttl from when on the record counts as absent; undefined leaves that as it is
   */
  recordOpening(blob: LinkId, opening: LinkOpening, ttl: number | undefined): Promise<StoredBlob | undefined>;
  /** Marks a ready blob as burned that still has this locator; false, and nothing changed, when it is not so. */
  markBurned(blob: LinkId, ttl: number): Promise<boolean>;
  /** Sets from when on a record counts as absent. */
  setTtl(org: string, id: string, ttl: number): Promise<void>;
}

/** A part that has arrived. */
export interface StoredPart {
  readonly number: number;
  readonly size: number;
  /** SHA-256, base64; empty if the service that stores it does not tell. */
  readonly checksum: string;
  /** By which the service knows this very arrival of the part. */
  readonly tag: string;
}

export interface FoundObject {
  readonly size: number;
  /** As `checksum` of contract/blobs/wire.ts, CompleteBlobRequest; undefined when the object has none. */
  readonly checksum: string | undefined;
}

/** What is to be sent as a part. */
export interface AnnouncedPart {
  readonly number: number;
  readonly size: number;
  readonly checksum: string;
}

/** Where ciphertext lies. Its failures are VaultError `unavailable`. Addresses work for `limits.blobAddressSeconds`. */
export interface UploadObjectStore {
  /** A form for exactly `size` bytes; S3 compares them with the checksum that the form is sent with. */
  presignForm(org: string, id: string, size: number): Promise<Omit<FormUpload, 'kind' | 'expiresAt'>>;
  /** Begins an upload in parts and returns its id. */
  startMultipartUpload(org: string, id: string): Promise<string>;
  /** An address for one part of exactly this size and checksum, and the headers that it must be sent with. */
  presignPart(
    org: string,
    id: string,
    uploadId: string,
    part: AnnouncedPart,
  ): Promise<{ url: string; headers: Record<string, string> }>;
  /** Parts by number, ascending, after one; undefined when there is no such upload (any more). */
  listParts(
    org: string,
    id: string,
    uploadId: string,
    after: number,
    limit: number,
  ): Promise<Page<StoredPart> | undefined>;
  /** Makes the object of its parts; does nothing when there is no such upload, or a part is not the one that was listed. */
  completeMultipartUpload(org: string, id: string, uploadId: string, parts: readonly StoredPart[]): Promise<void>;
  /** The object; undefined when there is none. */
  findObject(org: string, id: string): Promise<FoundObject | undefined>;
  /** Sets how long the object may stay (contract/shared/environment-variables.ts, `lifetimeTag`); false when there is none. */
  setLifetimeTag(org: string, id: string, lifetime: string): Promise<boolean>;
  /** Ends an upload in parts, with what has arrived; does nothing when there is none. */
  abortMultipartUpload(org: string, id: string, uploadId: string): Promise<void>;
  /** Deletes the object; does nothing when there is none. */
  deleteObject(org: string, id: string): Promise<void>;
}

/** What links need of it. */
export interface LinkObjectStore extends Pick<UploadObjectStore, 'setLifetimeTag' | 'deleteObject'> {
  /** An address that gives the object, whole or by ranges. */
  presignDownload(org: string, id: string): Promise<string>;
}

/** Objects of an org, to whoever destroys them all and may read none. */
export interface OrgObjectPurger extends Pick<UploadObjectStore, 'abortMultipartUpload'> {
  /** Names of objects, ascending, after one. */
  listKeys(org: string, after: string | undefined): Promise<Page<string>>;
  /** Deletes objects by their names as listed. */
  deleteKeys(org: string, names: readonly string[]): Promise<void>;
}

/** What must be known of a record to remove it, whatever else it holds. */
export type PurgeableBlob = Pick<StoredBlob, 'id' | 'uploadId'>;

/** Records of an org, likewise. */
export interface BlobRecordPurger {
  /** As `list` of BlobStore. */
  list(org: string, before: string | undefined, limit: number): Promise<Page<PurgeableBlob>>;
  /** Removes a record. */
  remove(org: string, id: string): Promise<void>;
}
