import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createShredderServices } from '../compose/shredding.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { cancelShred } from '../shredding/handlers/cancel-shred.ts';
import { destroyValue } from '../shredding/handlers/destroy-value.ts';
import { getShred } from '../shredding/handlers/get-shred.ts';
import { shredOrg } from '../shredding/handlers/shred-org.ts';

const { apiKeyAuth, shredService, destructionService } = createShredderServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  shredOrg: shredOrg(apiKeyAuth, shredService),
  cancelShred: cancelShred(apiKeyAuth, shredService),
  getShred: getShred(apiKeyAuth),
  destroyValue: destroyValue(apiKeyAuth, destructionService),
});
