import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { assertOrgActive } from '../../org-keys/keyring-verifier.ts';
import type { MultipartUploadService } from '../multipart-upload-service.ts';

export const presignParts = (apiKeyAuth: ApiKeyAuth, uploadService: MultipartUploadService) =>
  apiKeyRoute('grantParts', apiKeyAuth, {
    run: async ({ params, body }, { caller, storedKeyring }) => {
      assertOrgActive(await storedKeyring());
      return await uploadService.presignParts(caller.org, params.id, body);
    },
  });
