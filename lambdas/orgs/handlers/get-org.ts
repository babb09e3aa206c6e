import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { toOrgResponse } from '../org-service.ts';

/** Of an org that is locked or shredded the state is shown too; of any other only once its keyring's MAC was found right. */
export const getOrg = (apiKeyAuth: ApiKeyAuth) =>
  apiKeyRoute('getOrg', apiKeyAuth, {
    run: async (_, { openKeyring, storedKeyring }) => {
      const keyring = storedKeyring();
      const isOpen = keyring.state === 'active' && keyring.lock === undefined;
      return toOrgResponse(isOpen ? (await openKeyring()).keyring : keyring);
    },
  });
