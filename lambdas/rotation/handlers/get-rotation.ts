import type { ApiKeyAuth } from '../../api-keys/middleware/api-key-auth.ts';
import { apiKeyRoute } from '../../api-keys/middleware/api-key-chain.ts';
import type { RotationService } from '../rotation-service.ts';

export const getRotation = (apiKeyAuth: ApiKeyAuth, rotationService: RotationService) =>
  apiKeyRoute('getRotation', apiKeyAuth, {
    run: async (_, { openKeyring }) => await rotationService.getLatest(await openKeyring()),
  });
