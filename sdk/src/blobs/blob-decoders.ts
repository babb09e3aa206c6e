/** Readers of the vault's JSON about blobs, as decode.ts has them for the rest. */
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

/** Fields of a blob in every answer that tells of one. */
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
  cursor: optional(decodeText),
});
