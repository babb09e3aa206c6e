/** What is kept of objects and of unfinished uploads, beside the bytes. */
import { z } from 'zod';
import { type Checksum, checksumAlgorithms } from './checksums.ts';

const checksumSchema = z
  .object({ algorithm: z.enum(checksumAlgorithms), value: z.string() })
  .nullable() satisfies z.ZodType<Checksum | null>;

/** What a client says of an object and gets back with it. */
const described = {
  key: z.string(),
  /** Headers of its own, such as `content-type` and `x-amz-meta-…`. */
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
  /** Its bytes: files of the bucket's folder `data`, in order. An upload in parts is never copied together. */
  segments: z.array(z.object({ file: z.string(), size: z.number().int() })),
  /** Of the upload in parts that it came from. */
  uploadId: z.string().optional(),
});

export const uploadSchema = z.object({
  format: z.literal(1),
  ...described,
  uploadId: z.string(),
  initiatedAt: z.iso.datetime(),
  /** Of the parts' checksums; null when the upload was begun without. */
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
