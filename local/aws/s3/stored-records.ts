/** Stored metadata of object versions and of unfinished uploads. */
import { z } from 'zod';
import { type Checksum, checksumAlgorithms } from './checksums.ts';

const checksumSchema = z
  .object({ algorithm: z.enum(checksumAlgorithms), value: z.string() })
  .nullable() satisfies z.ZodType<Checksum | null>;

/** Metadata that a client sends with an object and receives with it. */
const described = {
  key: z.string(),
  /** Headers such as `content-type` and `x-amz-meta-…`. */
  headers: z.record(z.string(), z.string()),
  tags: z.record(z.string(), z.string()),
};

export const retentionModes = ['GOVERNANCE', 'COMPLIANCE'] as const;

const lockSchema = z.object({
  retention: z.object({ mode: z.enum(retentionModes), until: z.iso.datetime() }).nullable(),
  /** Null if no legal hold was ever set. */
  legalHold: z.enum(['ON', 'OFF']).nullable(),
});

/**
 * What identifies a version. The ID is `null` (the text, as in S3) for an object that was stored without versioning.
 */
const versioned = {
  format: z.literal(1),
  versionId: z.string(),
  /** Increases within a bucket. The version of a key with the highest number is the latest. */
  sequence: z.int(),
  modifiedAt: z.iso.datetime(),
};

const objectSchema = z.object({
  kind: z.literal('object'),
  ...versioned,
  ...described,
  size: z.number().int(),
  /** With its quotation marks. */
  etag: z.string(),
  checksum: checksumSchema,
  lock: lockSchema,
  /**
   * The content, as an ordered list of files in the bucket's folder `data`. Parts of an upload are not concatenated.
   */
  segments: z.array(z.object({ file: z.string(), size: z.number().int() })),
  /** The multipart upload that created the object. */
  uploadId: z.string().optional(),
});

const deleteMarkerSchema = z.object({ kind: z.literal('deleteMarker'), ...versioned, key: z.string() });

export const versionSchema = z.discriminatedUnion('kind', [objectSchema, deleteMarkerSchema]);

export const uploadSchema = z.object({
  format: z.literal(1),
  ...described,
  uploadId: z.string(),
  initiatedAt: z.iso.datetime(),
  /** Algorithm of the parts' checksums; null if the upload was started without one. */
  algorithm: z.enum(checksumAlgorithms).nullable(),
  /** As requested; the default retention is added when the upload is completed. */
  lock: lockSchema,
});

export const partSchema = z.object({
  number: z.number().int(),
  file: z.string(),
  size: z.number().int(),
  /** Hex. */
  md5: z.string(),
  modifiedAt: z.iso.datetime(),
  checksum: checksumSchema,
});

/** A version with content. */
export type ObjectRecord = Readonly<z.infer<typeof objectSchema>>;
export type DeleteMarker = Readonly<z.infer<typeof deleteMarkerSchema>>;
export type VersionRecord = ObjectRecord | DeleteMarker;
/** An object that has no place among the versions of its key yet. */
export type NewObject = Omit<ObjectRecord, 'kind' | 'format' | 'versionId' | 'sequence'>;
export type Lock = Readonly<z.infer<typeof lockSchema>>;
export type UploadRecord = Readonly<z.infer<typeof uploadSchema>>;
export type PartRecord = Readonly<z.infer<typeof partSchema>>;
export type Tags = Readonly<Record<string, string>>;

export interface Upload {
  readonly record: UploadRecord;
  readonly parts: ReadonlyMap<number, PartRecord>;
}
