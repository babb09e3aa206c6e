/** Composes the functions `blobs` and `links`. */
import { type BlobSettings, Blobs } from '../blobs/blob-service.ts';
import { BlobUploads } from '../blobs/multipart-upload-service.ts';
import { Links } from '../blobs/share-link-service.ts';
import { DynamoBlobs, DynamoLinks } from '../blobs/stores/dynamo-blobs.ts';
import { Deks, noKek } from '../org-keys/keyring-opener.ts';
import { clock, dynamo, gateOf, setting, tables } from './common.ts';
import { objects } from './stores.ts';

export function blobsHost() {
  const gate = gateOf(tables(), new Deks(noKek, clock));
  const records = new DynamoBlobs(dynamo(), setting('blobTable'));
  const settings: BlobSettings = { pageUrl: setting('pageUrl'), mostBytes: Number(setting('blobMaxBytes')) };
  return {
    gate,
    blobs: new Blobs(records, objects(), settings, clock),
    uploads: new BlobUploads(records, objects(), settings, clock),
  };
}

export function linksHost() {
  const records = new DynamoLinks(dynamo(), { blobs: setting('blobTable'), keyrings: setting('keyringTable') });
  return { links: new Links(records, objects(), clock) };
}
