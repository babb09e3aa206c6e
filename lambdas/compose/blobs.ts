/** Composes the functions `blobs` and `links`. */
import { BlobService, type BlobSettings } from '../blobs/blob-service.ts';
import { MultipartUploadService } from '../blobs/multipart-upload-service.ts';
import { ShareLinkService } from '../blobs/share-link-service.ts';
import { DynamoShareLinks } from '../blobs/stores/dynamo-blobs.ts';
import { createViewerAddress } from '../middleware/viewer-address.ts';
import { unavailableKek } from '../org-keys/keyring-opener.ts';
import {
  clock,
  createApiKeyAuth,
  createKeyringOpener,
  keyringVerifier,
  orgDynamoClients,
  requestRecordTables,
  requireSetting,
} from './common.ts';
import { authenticatedBlobs, blobRecordVerifier, objects } from './stores.ts';

export function createBlobServices() {
  const apiKeyAuth = createApiKeyAuth(requestRecordTables(), createKeyringOpener(unavailableKek));
  const records = authenticatedBlobs();
  const settings: BlobSettings = {
    pageUrl: requireSetting('pageUrl'),
    maxBytes: Number(requireSetting('blobMaxBytes')),
  };
  return {
    apiKeyAuth,
    blobs: new BlobService(records, objects(), settings, clock),
    uploadService: new MultipartUploadService(records, objects(), settings, clock),
  };
}

export function createLinkServices() {
  const records = new DynamoShareLinks(orgDynamoClients(), {
    blobs: requireSetting('blobTable'),
    keyrings: requireSetting('keyringTable'),
  });
  return {
    links: new ShareLinkService(records, objects(), keyringVerifier(), blobRecordVerifier(), clock),
    viewerAddress: createViewerAddress(requireSetting('originSecretHash')),
  };
}
