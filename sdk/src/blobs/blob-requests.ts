/** Requests for the blobs of an organization, by their ids. Loaded on first use. */
import { blobRoutes } from '../../../contract/blobs/routes.ts';
import type { BlobInfo, ListBlobsResponse } from '../../../contract/blobs/wire.ts';
import { isTimeId } from '../../../core/encoding/time-ordered-id.ts';
import type { Transport } from '../http/transport.ts';
import { notSentError } from '../shared/argument-validation.ts';
import type { CallOptions, CallSettings } from '../shared/client-options.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';
import { decodeBlobInfo, decodeBlobPage } from './blob-decoders.ts';

export const listBlobsPage = (
  transport: Transport,
  query: { readonly limit: number | undefined; readonly cursor: string | undefined },
  settings: CallSettings,
): Promise<ListBlobsResponse> => transport.request({ route: blobRoutes.listBlobs, query }, settings, decodeBlobPage);

export async function getBlobInfo(transport: Transport, id: string, options: CallOptions): Promise<BlobInfo> {
  const call = { route: blobRoutes.getBlob, id: checkBlobId(id) };
  return transport.request(call, transport.callSettings(options), (json) => {
    const read = decodeBlobInfo(json);
    return read?.id === id ? read : undefined;
  });
}

export async function deleteBlob(transport: Transport, id: string, options: CallOptions): Promise<boolean> {
  const call = { route: blobRoutes.deleteBlob, id: checkBlobId(id) };
  return transport.request(call, transport.callSettings(options), (json) =>
    isPlainObject(json) && typeof json.deleted === 'boolean' ? json.deleted : undefined,
  );
}

/** @throws AnimaError invalid_argument, also for a link, because a link must not appear in an API path */
export function checkBlobId(id: unknown): string {
  if (typeof id === 'string' && isTimeId(id)) return id;
  throw notSentError('invalid_argument', 'id must be the id of a blob, 26 characters, not its link');
}
