import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { assertOrgActive } from '../../org-keys/keyring-verifier.ts';
import type { BlobService } from '../blob-service.ts';

export const createBlob = (apiKeyAuth: ApiKeyAuth, blobService: BlobService) =>
  apiKeyRoute('createBlob', apiKeyAuth, {
    subject: (_, output) => ({ name: output?.id }),
    run: async ({ body }, { caller, storedKeyring }) => {
      assertOrgActive(await storedKeyring());
      return await blobService.create(caller.org, body);
    },
  });
