import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { assertOrgActive } from '../../org-keys/keyring-verifier.ts';
import type { BlobService } from '../blob-service.ts';

export const listBlobs = (apiKeyAuth: ApiKeyAuth, blobService: BlobService) =>
  apiKeyRoute('listBlobs', apiKeyAuth, {
    run: async ({ query }, { caller, storedKeyring }) => {
      assertOrgActive(await storedKeyring());
      return await blobService.list(caller.org, query);
    },
  });
