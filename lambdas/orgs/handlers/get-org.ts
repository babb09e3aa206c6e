import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { toOrgResponse } from '../org-service.ts';

/** Returns the org's state, also when it is locked or shredded. */
export const getOrg = (apiKeyAuth: ApiKeyAuth) =>
  apiKeyRoute('getOrg', apiKeyAuth, { run: async (_, { storedKeyring }) => toOrgResponse(await storedKeyring()) });
