/**
 * A bucket in a folder:
 *
 *     objects/<SHA-256 of the key>[.<version>].json
 *                                               the record of a version; without it, the version does not exist
 *     uploads/<upload id>/upload.json, <n>.json the records of an unfinished upload and of its parts
 *     data/<random>                             bytes; the record that names them is written after they are complete
 *
 * Keys are never file names. At start, files in `data` without a record are removed; a killed process can leave them.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import type { BucketRules, ObjectLockRules } from '../cloudformation/resource-schemas.ts';
import {
  makePrivateFolder,
  openRecordFolder,
  readFileIfExists,
  syncFolder,
  writeFileAtomically,
} from '../shared/durable-files.ts';
import { errorMessageOf, LocalError } from '../shared/errors.ts';
import { DataFiles } from './data-files.ts';
import {
  type DeleteMarker,
  type NewObject,
  type ObjectRecord,
  type PartRecord,
  partSchema,
  type Upload,
  type UploadRecord,
  uploadSchema,
  type VersionRecord,
  versionSchema,
} from './stored-records.ts';
import { compareKeys, VersionIndex } from './version-index.ts';

interface StoredUpload extends Upload {
  readonly parts: Map<number, PartRecord>;
}

/** The ID of an object that was stored without versioning. */
const unversionedId = 'null';

export class BucketStore {
  readonly name: string;
  readonly #folder: string;
  readonly versioned: boolean;
  readonly objectLock: ObjectLockRules | undefined;
  readonly data: DataFiles;
  readonly #versions = new VersionIndex();
  readonly #uploads = new Map<string, StoredUpload>();
  #sequence = 0;

  /** Throws a LocalError if a record is damaged. */
  constructor(
    { bucketName, versioned, objectLock }: Pick<BucketRules, 'bucketName' | 'versioned' | 'objectLock'>,
    folder: string,
  ) {
    this.name = bucketName;
    this.versioned = versioned;
    this.objectLock = objectLock;
    this.#folder = folder;
    this.data = new DataFiles(join(folder, 'data'));
    for (const part of ['objects', 'uploads']) openRecordFolder(join(folder, part));
    for (const file of readdirSync(join(folder, 'objects'))) {
      if (!file.endsWith('.json')) continue;
      const record = readRecord(versionSchema, join(folder, 'objects', file));
      this.#versions.set(record);
      this.#sequence = Math.max(this.#sequence, record.sequence);
    }
    this.#openUploads();
    this.#removeOrphans();
  }

  /** The current object of a key; undefined if there is none or a delete marker hides it. */
  get(key: string): ObjectRecord | undefined {
    return this.#versions.current(key);
  }

  /** All versions of a key, the latest first. */
  versions(key: string): readonly VersionRecord[] {
    return this.#versions.versions(key);
  }

  version(key: string, versionId: string): VersionRecord | undefined {
    return this.#versions.find(key, versionId);
  }

  /** All keys with versions, sorted by their bytes. */
  keys(): readonly string[] {
    return this.#versions.keys();
  }

  /** All current objects, sorted by the bytes of their keys. */
  list(): ObjectRecord[] {
    return this.keys().flatMap((key) => this.get(key) ?? []);
  }

  /** Stores an object durably. It becomes the latest version. Without versioning, it replaces the object of its key. */
  add(object: NewObject): ObjectRecord {
    const record: ObjectRecord = { kind: 'object', format: 1, ...this.#nextVersion(), ...object };
    this.update(record);
    return record;
  }

  /** Stores a version durably. It replaces the version with its ID. */
  update(record: VersionRecord): void {
    const before = this.version(record.key, record.versionId);
    writeFileAtomically(this.#recordPath(record), JSON.stringify(record));
    this.#versions.set(record);
    const kept = new Set(filesOf(record));
    this.data.remove(filesOf(before).filter((file) => !kept.has(file)));
  }

  /**
   * Deletes the object of a key as S3 does without a version ID: with versions, a delete marker hides them. Without
   * versioning, only the version `null` is removed.
   */
  delete(key: string, now: Date): DeleteMarker | undefined {
    if (!this.versioned && this.versions(key).every(({ versionId }) => versionId === unversionedId)) {
      this.remove(this.version(key, unversionedId));
      return undefined;
    }
    const marker: DeleteMarker = {
      kind: 'deleteMarker',
      format: 1,
      ...this.#nextVersion(),
      key,
      modifiedAt: now.toISOString(),
    };
    this.update(marker);
    return marker;
  }

  /** Removes a version and its bytes. `sync` makes it durable. The caller has checked that it is not locked. */
  remove(record: VersionRecord | undefined): void {
    if (record === undefined) return;
    rmSync(this.#recordPath(record), { force: true });
    this.#versions.delete(record);
    this.data.remove(filesOf(record));
  }

  /** Makes removals durable, so that a removed version does not return after a power failure. */
  sync(): void {
    syncFolder(join(this.#folder, 'objects'));
    this.data.sync();
  }

  createUpload(upload: Omit<UploadRecord, 'format' | 'uploadId'>): UploadRecord {
    // S3 lists the uploads of a key by start time. IDs that start with the time have this order.
    const time = new Date(upload.initiatedAt).getTime().toString(36).padStart(9, '0');
    const record: UploadRecord = { format: 1, ...upload, uploadId: time + randomBytes(24).toString('hex') };
    makePrivateFolder(this.#uploadPath(record.uploadId));
    writeFileAtomically(join(this.#uploadPath(record.uploadId), 'upload.json'), JSON.stringify(record));
    this.#uploads.set(record.uploadId, { record, parts: new Map() });
    return record;
  }

  /** An unfinished upload for a key. */
  upload(key: string, uploadId: string): Upload | undefined {
    const upload = this.#uploads.get(uploadId);
    return upload?.record.key === key ? upload : undefined;
  }

  /** All unfinished uploads, sorted by key, then by start time. */
  uploads(): Upload[] {
    return [...this.#uploads.values()].sort(
      (a, b) => compareKeys(a.record.key, b.record.key) || compareKeys(a.record.uploadId, b.record.uploadId),
    );
  }

  /** Returns false if the upload has ended in the meantime. */
  putPart(uploadId: string, part: PartRecord): boolean {
    const upload = this.#uploads.get(uploadId);
    if (upload === undefined) return false;
    const before = upload.parts.get(part.number);
    writeFileAtomically(join(this.#uploadPath(uploadId), `${part.number}.json`), JSON.stringify(part));
    upload.parts.set(part.number, part);
    if (before !== undefined) this.data.remove([before.file]);
    return true;
  }

  /** Ends an upload and removes its parts, except those that became part of `object`. */
  endUpload(uploadId: string, object?: ObjectRecord): void {
    const upload = this.#uploads.get(uploadId);
    if (upload === undefined) return;
    this.#uploads.delete(uploadId);
    rmSync(this.#uploadPath(uploadId), { recursive: true, force: true });
    const kept = new Set(object?.segments.map(({ file }) => file));
    this.data.remove([...upload.parts.values()].map(({ file }) => file).filter((file) => !kept.has(file)));
  }

  #openUploads(): void {
    const finished = new Set(this.#versions.all().map((record) => record.kind === 'object' && record.uploadId));
    for (const uploadId of readdirSync(join(this.#folder, 'uploads'))) {
      const folder = this.#uploadPath(uploadId);
      // The process was killed between the two steps of starting or ending an upload.
      if (finished.has(uploadId) || readFileIfExists(join(folder, 'upload.json')) === undefined) {
        rmSync(folder, { recursive: true, force: true });
        continue;
      }
      openRecordFolder(folder);
      const parts = readdirSync(folder)
        .filter((file) => /^\d+\.json$/.test(file))
        .map((file) => readRecord(partSchema, join(folder, file)));
      const record = readRecord(uploadSchema, join(folder, 'upload.json'));
      this.#uploads.set(uploadId, { record, parts: new Map(parts.map((part) => [part.number, part])) });
    }
  }

  #removeOrphans(): void {
    const known = new Set([
      ...this.#versions.all().flatMap(filesOf),
      ...[...this.#uploads.values()].flatMap(({ parts }) => [...parts.values()].map(({ file }) => file)),
    ]);
    this.data.removeExcept(known);
  }

  #nextVersion(): Pick<VersionRecord, 'versionId' | 'sequence'> {
    this.#sequence += 1;
    // S3 documents version IDs as opaque. Hex is safe in file names that do not distinguish case.
    return { versionId: this.versioned ? randomBytes(16).toString('hex') : unversionedId, sequence: this.#sequence };
  }

  #recordPath({ key, versionId }: VersionRecord): string {
    const version = versionId === unversionedId ? '' : `.${versionId}`;
    return join(this.#folder, 'objects', `${createHash('sha256').update(key).digest('hex')}${version}.json`);
  }

  #uploadPath = (uploadId: string): string => join(this.#folder, 'uploads', uploadId);
}

const filesOf = (record: VersionRecord | undefined): string[] =>
  record?.kind === 'object' ? record.segments.map(({ file }) => file) : [];

function readRecord<T>(schema: z.ZodType<T>, path: string): T {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new LocalError(
      `The object record ${path} is damaged (${errorMessageOf(error)}). Nothing was started or changed. Restore the file ` +
        `from a copy of the data folder, or delete it, which deletes its object.`,
    );
  }
}
