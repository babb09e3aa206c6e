import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { RotationService } from '../rotation-service.ts';

export const startRotation = (apiKeyAuth: ApiKeyAuth, rotationService: RotationService) =>
  apiKeyRoute('startRotation', apiKeyAuth, {
    run: async (_, { openKeyring }) => await rotationService.start(await openKeyring()),
  });
