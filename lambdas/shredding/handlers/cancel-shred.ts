import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { ShredService } from '../shred-service.ts';

export const cancelShred = (apiKeyAuth: ApiKeyAuth, shredService: ShredService) =>
  apiKeyRoute('cancelShred', apiKeyAuth, { run: async (_, { caller }) => await shredService.cancel(caller.org) });
