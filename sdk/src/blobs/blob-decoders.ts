/** Decoders for the vault's JSON about blobs; see shared/json-decoders.ts. */
import type { BlobInfo, ListBlobsResponse } from '../../../contract/blobs/wire.ts';
import {
  decodeBoolean,
  decodeListOf,
  decodeNumber,
  decodeObject,
  decodeOneOf,
  decodeText,
  optional,
} from '../shared/json-decoders.ts';

/** Fields of a blob that every response about a blob contains. */
export const blobInfoFields = {
  id: decodeText,
  state: decodeOneOf<BlobInfo['state']>(['uploading', 'ready', 'spent', 'burned', 'expired', 'deleted']),
  size: optional(decodeNumber),
  createdAt: decodeText,
  completedAt: optional(decodeText),
  expiresAt: optional(decodeText),
  openings: decodeNumber,
  maxOpens: optional(decodeNumber),
  burn: decodeBoolean,
};
export const decodeBlobInfo = decodeObject<BlobInfo>(blobInfoFields);
export const decodeBlobPage = decodeObject<ListBlobsResponse>({
  blobs: decodeListOf(decodeBlobInfo),
  damaged: optional(decodeListOf(decodeText)),
  cursor: optional(decodeText),
});
