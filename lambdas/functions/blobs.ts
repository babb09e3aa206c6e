import { completeBlob } from '../blobs/handlers/complete-blob.ts';
import { createBlob } from '../blobs/handlers/create-blob.ts';
import { deleteBlob } from '../blobs/handlers/delete-blob.ts';
import { getBlob } from '../blobs/handlers/get-blob.ts';
import { listBlobs } from '../blobs/handlers/list-blobs.ts';
import { listParts } from '../blobs/handlers/list-parts.ts';
import { grantParts } from '../blobs/handlers/presign-parts.ts';
import { relinkBlob } from '../blobs/handlers/replace-link.ts';
import { blobsHost } from '../compose/blobs.ts';
import { auditTrail, log } from '../compose/common.ts';
import { serve } from '../middleware/lambda-handler.ts';

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
