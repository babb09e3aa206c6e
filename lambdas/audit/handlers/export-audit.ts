import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { AuditQueryService } from '../audit-query-service.ts';

export const exportAudit = (apiKeyAuth: ApiKeyAuth, auditQueries: AuditQueryService) =>
  apiKeyRoute('exportAudit', apiKeyAuth, {
    run: async ({ query }, { caller }) => await auditQueries.export(caller.org, query.cursor),
  });
