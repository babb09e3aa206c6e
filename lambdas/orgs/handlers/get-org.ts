import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { toOrgResponse } from '../org-service.ts';

/**
 * Returns the org's state, also when it is locked or shredded. For an active org the keyring's MAC is verified first.
 */
export const getOrg = (apiKeyAuth: ApiKeyAuth) =>
  apiKeyRoute('getOrg', apiKeyAuth, {
    run: async (_, { openKeyring, storedKeyring }) => {
      const keyring = storedKeyring();
      const isOpen = keyring.state === 'active' && keyring.lock === undefined;
      return toOrgResponse(isOpen ? (await openKeyring()).keyring : keyring);
    },
  });
