import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { RotationService } from '../rotation-service.ts';

export const getRotation = (apiKeyAuth: ApiKeyAuth, rotationService: RotationService) =>
  apiKeyRoute('getRotation', apiKeyAuth, {
    run: async (_, { openKeyring }) => await rotationService.getLatest(await openKeyring()),
  });
