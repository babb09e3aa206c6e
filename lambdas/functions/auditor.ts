import { exportAudit } from '../audit/handlers/export-audit.ts';
import { queryAudit } from '../audit/handlers/query-audit.ts';
import { auditorHost } from '../compose/audit.ts';
import { auditTrail, log } from '../compose/common.ts';
import { serve } from '../middleware/lambda-handler.ts';

const { gate, audit } = auditorHost();

export const handler = serve(log(), auditTrail(), {
  queryAudit: queryAudit(gate, audit),
  exportAudit: exportAudit(gate, audit),
});
