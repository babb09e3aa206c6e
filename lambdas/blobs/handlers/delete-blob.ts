import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { assertOrgActive } from '../../org-keys/keyring-verifier.ts';
import type { BlobService } from '../blob-service.ts';

export const deleteBlob = (apiKeyAuth: ApiKeyAuth, blobService: BlobService) =>
  apiKeyRoute('deleteBlob', apiKeyAuth, {
    run: async ({ params }, { caller, storedKeyring }) => {
      assertOrgActive(await storedKeyring());
      return await blobService.delete(caller.org, params.id);
    },
  });
