/** Stored metadata of objects and of unfinished uploads. */
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

export const objectSchema = z.object({
  format: z.literal(1),
  ...described,
  size: z.number().int(),
  /** With its quotation marks. */
  etag: z.string(),
  modifiedAt: z.iso.datetime(),
  checksum: checksumSchema,
  /**
   * The content, as an ordered list of files in the bucket's folder `data`. Parts of an upload are not concatenated.
   */
  segments: z.array(z.object({ file: z.string(), size: z.number().int() })),
  /** The multipart upload that created the object. */
  uploadId: z.string().optional(),
});

export const uploadSchema = z.object({
  format: z.literal(1),
  ...described,
  uploadId: z.string(),
  initiatedAt: z.iso.datetime(),
  /** Algorithm of the parts' checksums; null if the upload was started without one. */
  algorithm: z.enum(checksumAlgorithms).nullable(),
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

export type ObjectRecord = Readonly<z.infer<typeof objectSchema>>;
export type UploadRecord = Readonly<z.infer<typeof uploadSchema>>;
export type PartRecord = Readonly<z.infer<typeof partSchema>>;
export type Tags = Readonly<Record<string, string>>;

export interface Upload {
  readonly record: UploadRecord;
  readonly parts: ReadonlyMap<number, PartRecord>;
}
