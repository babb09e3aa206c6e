import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createShredderServices } from '../compose/shredding.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { cancelShred } from '../shredding/handlers/cancel-shred.ts';
import { destroyValue } from '../shredding/handlers/destroy-value.ts';
import { getShred } from '../shredding/handlers/get-shred.ts';
import { shredOrg } from '../shredding/handlers/shred-org.ts';

const { gate, shredding, destroying } = createShredderServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  shredOrg: shredOrg(gate, shredding),
  cancelShred: cancelShred(gate, shredding),
  getShred: getShred(gate),
  destroyValue: destroyValue(gate, destroying),
});
