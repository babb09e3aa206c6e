import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { toShredResponse } from '../shred-service.ts';

export const getShred = (apiKeyAuth: ApiKeyAuth) =>
  apiKeyRoute('getShred', apiKeyAuth, { run: async (_, { storedKeyring }) => toShredResponse(await storedKeyring()) });
