import { auditorHost } from './compose.ts';
import { auditTrail, log } from './compose-parts.ts';
import { exportAudit } from './handlers/export-audit.ts';
import { queryAudit } from './handlers/query-audit.ts';
import { serve } from './middleware/serve.ts';

const { gate, audit } = auditorHost();

export const handler = serve(log(), auditTrail(), {
  queryAudit: queryAudit(gate, audit),
  exportAudit: exportAudit(gate, audit),
});
