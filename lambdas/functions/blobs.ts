import { completeBlob } from '../blobs/handlers/complete-blob.ts';
import { createBlob } from '../blobs/handlers/create-blob.ts';
import { deleteBlob } from '../blobs/handlers/delete-blob.ts';
import { getBlob } from '../blobs/handlers/get-blob.ts';
import { listBlobs } from '../blobs/handlers/list-blobs.ts';
import { listParts } from '../blobs/handlers/list-parts.ts';
import { presignParts } from '../blobs/handlers/presign-parts.ts';
import { replaceLink } from '../blobs/handlers/replace-link.ts';
import { createBlobServices } from '../compose/blobs.ts';
import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';

const { gate, blobs, uploads } = createBlobServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  createBlob: createBlob(gate, blobs),
  listBlobs: listBlobs(gate, blobs),
  getBlob: getBlob(gate, blobs),
  deleteBlob: deleteBlob(gate, blobs),
  relinkBlob: replaceLink(gate, blobs),
  listParts: listParts(gate, uploads),
  grantParts: presignParts(gate, uploads),
  completeBlob: completeBlob(gate, uploads),
});
