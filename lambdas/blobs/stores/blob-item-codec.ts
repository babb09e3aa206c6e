/** Conversion of blob table items (docs/format.md, section 10). Items read from the table are untrusted. */
import * as z from 'zod/mini';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { type Item, unmarshallItem } from '../../shared/stores/dynamo-item-codec.ts';
import type { StoredBlob } from '../blob-ports.ts';

const textSchema = z.string();
const countSchema = z.int().check(z.minimum(0));

const blobSchema = z.object({
  org: textSchema,
  id: textSchema,
  locator: textSchema,
  state: z.enum(['uploading', 'ready', 'burned', 'deleted']),
  createdAt: textSchema,
  uploadUntil: textSchema,
  completedAt: z.optional(textSchema),
  expiresAt: z.optional(textSchema),
  size: z.optional(countSchema),
  uploadId: z.optional(textSchema),
  checksum: z.optional(textSchema),
  openVerifier: z.optional(textSchema),
  burnVerifier: z.optional(textSchema),
  openings: countSchema,
  maxOpens: z.optional(countSchema),
  opening: z.optional(textSchema),
  openedAt: z.optional(textSchema),
  burn: z.boolean(),
  ttl: z.optional(countSchema),
  mac: z.optional(textSchema),
});

/** @throws DecryptionError */
export function parseStoredBlob(item: Item): StoredBlob {
  const parsed = z.safeParse(blobSchema, unmarshallItem(item));
  if (!parsed.success) throw new DecryptionError();
  return parsed.data;
}

/** A record in a list; undefined if it does not have the documented form. */
export function parseListedBlob(item: Item): StoredBlob | undefined {
  try {
    return parseStoredBlob(item);
  } catch (error) {
    if (error instanceof DecryptionError) return undefined;
    throw error;
  }
}
