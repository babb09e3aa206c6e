/** Readers of the vault's JSON about blobs, as decode.ts has them for the rest. */
import type { BlobInfo, ListBlobsResponse } from '../../../contract/blobs/wire.ts';
import { flag, listOf, number, object, oneOf, optional, text } from '../shared/json-decoders.ts';

/** Fields of a blob in every answer that tells of one. */
export const blobFields = {
  id: text,
  state: oneOf<BlobInfo['state']>(['uploading', 'ready', 'spent', 'burned', 'expired', 'deleted']),
  size: optional(number),
  createdAt: text,
  completedAt: optional(text),
  expiresAt: optional(text),
  openings: number,
  maxOpens: optional(number),
  burn: flag,
};
export const decodeBlob = object<BlobInfo>(blobFields);
export const decodeBlobs = object<ListBlobsResponse>({ blobs: listOf(decodeBlob), cursor: optional(text) });
