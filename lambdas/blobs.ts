import { blobsHost } from './compose.ts';
import { auditTrail, log } from './compose-parts.ts';
import { completeBlob } from './handlers/complete-blob.ts';
import { createBlob } from './handlers/create-blob.ts';
import { deleteBlob } from './handlers/delete-blob.ts';
import { getBlob } from './handlers/get-blob.ts';
import { grantParts } from './handlers/grant-parts.ts';
import { listBlobs } from './handlers/list-blobs.ts';
import { listParts } from './handlers/list-parts.ts';
import { relinkBlob } from './handlers/relink-blob.ts';
import { serve } from './middleware/serve.ts';

const { gate, blobs, uploads } = blobsHost();

export const handler = serve(log(), auditTrail(), {
  createBlob: createBlob(gate, blobs),
  listBlobs: listBlobs(gate, blobs),
  getBlob: getBlob(gate, blobs),
  deleteBlob: deleteBlob(gate, blobs),
  relinkBlob: relinkBlob(gate, blobs),
  listParts: listParts(gate, uploads),
  grantParts: grantParts(gate, uploads),
  completeBlob: completeBlob(gate, uploads),
});
