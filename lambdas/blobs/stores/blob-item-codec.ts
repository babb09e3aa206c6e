/** Items of the blob table and what they stand for (docs/format.md, section 10). Nothing that comes back is trusted. */
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod/mini';
import { DecryptionError } from '../../../core/decryption-error.ts';
import type { Item } from '../../shared/stores/dynamo-item-codec.ts';
import type { StoredBlob } from '../blob-ports.ts';

const text = z.string();
const count = z.int().check(z.minimum(0));

const record = z.object({
  org: text,
  id: text,
  locator: text,
  state: z.enum(['uploading', 'ready', 'burned', 'deleted']),
  createdAt: text,
  uploadUntil: text,
  completedAt: z.optional(text),
  expiresAt: z.optional(text),
  size: z.optional(count),
  uploadId: z.optional(text),
  checksum: z.optional(text),
  openVerifier: z.optional(text),
  burnVerifier: z.optional(text),
  openings: count,
  maxOpens: z.optional(count),
  opening: z.optional(text),
  openedAt: z.optional(text),
  burn: z.boolean(),
  ttl: z.optional(count),
});

/** @throws DecryptionError */
export function blobOf(item: Item): StoredBlob {
  const parsed = z.safeParse(record, unmarshall(item));
  if (!parsed.success) throw new DecryptionError();
  return parsed.data;
}
