import { exportAudit } from '../audit/handlers/export-audit.ts';
import { queryAudit } from '../audit/handlers/query-audit.ts';
import { createAuditorServices } from '../compose/audit.ts';
import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';

const { apiKeyAuth, audit } = createAuditorServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  queryAudit: queryAudit(apiKeyAuth, audit),
  exportAudit: exportAudit(apiKeyAuth, audit),
});
