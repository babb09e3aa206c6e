import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createSecretRequestServices } from '../compose/secret-requests.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import {
  denySecretRequest,
  fillSecretRequest,
  lookAtSecretRequest,
} from '../secret-requests/handlers/answer-secret-request.ts';
import { cancelSecretRequest } from '../secret-requests/handlers/cancel-secret-request.ts';
import { createSecretRequest } from '../secret-requests/handlers/create-secret-request.ts';
import { getSecretRequest } from '../secret-requests/handlers/get-secret-request.ts';

const { apiKeyAuth, requests, links, viewerAddress } = createSecretRequestServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  createSecretRequest: createSecretRequest(apiKeyAuth, requests),
  getSecretRequest: getSecretRequest(apiKeyAuth, requests),
  cancelSecretRequest: cancelSecretRequest(apiKeyAuth, requests),
  lookAtSecretRequest: lookAtSecretRequest(links, viewerAddress),
  fillSecretRequest: fillSecretRequest(links, viewerAddress),
  denySecretRequest: denySecretRequest(links, viewerAddress),
});
