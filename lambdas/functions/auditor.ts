import { exportAudit } from '../audit/handlers/export-audit.ts';
import { queryAudit } from '../audit/handlers/query-audit.ts';
import { createAuditorServices } from '../compose/audit.ts';
import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';

const { apiKeyAuth, queries, exports } = createAuditorServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  queryAudit: queryAudit(apiKeyAuth, queries),
  exportAudit: exportAudit(apiKeyAuth, exports),
});
