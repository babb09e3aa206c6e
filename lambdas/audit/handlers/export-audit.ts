import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { AuditExportService } from '../audit-export-service.ts';

export const exportAudit = (apiKeyAuth: ApiKeyAuth, auditExports: AuditExportService) =>
  apiKeyRoute('exportAudit', apiKeyAuth, {
    run: async ({ query }, { caller }) => await auditExports.export(caller.org, query.cursor),
  });
