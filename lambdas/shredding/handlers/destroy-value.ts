import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { assertOrgActive } from '../../org-keys/keyring-verifier.ts';
import type { ValueDestructionService } from '../value-destruction-service.ts';

export const destroyValue = (apiKeyAuth: ApiKeyAuth, destructionService: ValueDestructionService) =>
  apiKeyRoute('destroyValue', apiKeyAuth, {
    valueNames: ({ params }) => [params.name],
    includeHistory: () => true,
    run: async ({ params, body }, { caller, storedKeyring, values }) => {
      const keyring = await storedKeyring();
      assertOrgActive(keyring);
      const { name } = params;
      const reread = async () =>
        (
          await apiKeyAuth.records.read({ org: caller.org, keyId: caller.keyId, names: [name], includeHistory: true })
        ).values.get(name);
      return await destructionService.destroy(caller, keyring, name, body.confirm, values.get(name), reread);
    },
  });
