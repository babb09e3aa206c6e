import type { ApiKeyAuth } from '../../api-keys/middleware/api-key-auth.ts';
import { apiKeyRoute } from '../../api-keys/middleware/api-key-chain.ts';
import type { ShredService } from '../shred-service.ts';

export const cancelShred = (apiKeyAuth: ApiKeyAuth, shredService: ShredService) =>
  apiKeyRoute('cancelShred', apiKeyAuth, { run: async (_, { caller }) => await shredService.cancel(caller.org) });
