import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { ShredService } from '../shred-service.ts';

export const shredOrg = (apiKeyAuth: ApiKeyAuth, shredService: ShredService) =>
  apiKeyRoute('shredOrg', apiKeyAuth, {
    run: async ({ body }, { caller }) => await shredService.request(caller, body),
  });
