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

const { apiKeyAuth, blobs, uploadService } = createBlobServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  createBlob: createBlob(apiKeyAuth, blobs),
  listBlobs: listBlobs(apiKeyAuth, blobs),
  getBlob: getBlob(apiKeyAuth, blobs),
  deleteBlob: deleteBlob(apiKeyAuth, blobs),
  relinkBlob: replaceLink(apiKeyAuth, blobs),
  listParts: listParts(apiKeyAuth, uploadService),
  grantParts: presignParts(apiKeyAuth, uploadService),
  completeBlob: completeBlob(apiKeyAuth, uploadService),
});
