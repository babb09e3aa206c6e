import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { assertOrgActive } from '../../org-keys/keyring-verifier.ts';
import type { MultipartUploadService } from '../multipart-upload-service.ts';

export const listParts = (apiKeyAuth: ApiKeyAuth, uploadService: MultipartUploadService) =>
  apiKeyRoute('listParts', apiKeyAuth, {
    run: async ({ params, query }, { caller, storedKeyring }) => {
      assertOrgActive(await storedKeyring());
      return await uploadService.listParts(caller.org, params.id, query);
    },
  });
