import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createRotatorServices } from '../compose/rotation.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { getRotation } from '../rotation/handlers/get-rotation.ts';
import { startRotation } from '../rotation/handlers/start-rotation.ts';

const { apiKeyAuth, rotations } = createRotatorServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  startRotation: startRotation(apiKeyAuth, rotations),
  getRotation: getRotation(apiKeyAuth, rotations),
});
