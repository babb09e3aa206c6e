import type { ApiKeyAuth } from '../../api-keys/middleware/api-key-auth.ts';
import { apiKeyRoute } from '../../api-keys/middleware/api-key-chain.ts';
import type { AuditQueryService } from '../audit-query-service.ts';

export const exportAudit = (apiKeyAuth: ApiKeyAuth, auditQueries: AuditQueryService) =>
  apiKeyRoute('exportAudit', apiKeyAuth, {
    run: async ({ query }, { caller }) => await auditQueries.export(caller.org, query.cursor),
  });
