import type { ApiKeyAuth } from '../../api-keys/middleware/api-key-auth.ts';
import { apiKeyRoute } from '../../api-keys/middleware/api-key-chain.ts';
import { toShredResponse } from '../shred-service.ts';

export const getShred = (apiKeyAuth: ApiKeyAuth) =>
  apiKeyRoute('getShred', apiKeyAuth, { run: async (_, { storedKeyring }) => toShredResponse(storedKeyring()) });
