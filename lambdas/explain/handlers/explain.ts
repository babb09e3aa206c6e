import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { auditSubjectOfRef } from '../explain-ref-parser.ts';
import type { ExplainService } from '../explain-service.ts';

export const explain = (apiKeyAuth: ApiKeyAuth, explainService: ExplainService) =>
  apiKeyRoute('explain', apiKeyAuth, {
    subject: ({ query }) => ({ name: auditSubjectOfRef(query.ref) }),
    run: async ({ query }, { caller, storedKeyring }) =>
      await explainService.explain(caller, await storedKeyring(), query.ref),
  });
