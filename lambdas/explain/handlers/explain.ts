import type { ApiKeyAuth } from '../../api-keys/middleware/api-key-auth.ts';
import { apiKeyRoute } from '../../api-keys/middleware/api-key-chain.ts';
import { subjectOfRef } from '../explain-ref-parser.ts';
import type { Explaining } from '../explain-service.ts';

export const explain = (apiKeyAuth: ApiKeyAuth, explaining: Explaining) =>
  apiKeyRoute('explain', apiKeyAuth, {
    subject: ({ query }) => ({ name: subjectOfRef(query.ref) }),
    run: async ({ query }, { caller, storedKeyring }) => await explaining.explain(caller, storedKeyring(), query.ref),
  });
