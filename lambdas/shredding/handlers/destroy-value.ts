import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { assertOrgActive } from '../../org-keys/keyring-verifier.ts';
import type { ValueDestructionService } from '../value-destruction-service.ts';

export const destroyValue = (apiKeyAuth: ApiKeyAuth, destructionService: ValueDestructionService) =>
  apiKeyRoute('destroyValue', apiKeyAuth, {
    run: async ({ params, body }, { caller, storedKeyring }) => {
      const keyring = await storedKeyring();
      assertOrgActive(keyring);
      return await destructionService.destroy(caller, keyring, params.name, body.confirm);
    },
  });
