import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { AuditQueryService } from '../audit-query-service.ts';

export const queryAudit = (apiKeyAuth: ApiKeyAuth, auditQueries: AuditQueryService) =>
  apiKeyRoute('queryAudit', apiKeyAuth, {
    subject: ({ query }) => ({ name: query.name }),
    run: async ({ query }, { caller }) => await auditQueries.query(caller.org, query),
  });
