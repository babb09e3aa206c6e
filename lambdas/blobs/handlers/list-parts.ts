import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import { refuseShut } from '../../org-keys/keyring-opener.ts';
import type { BlobUploads } from '../multipart-upload-service.ts';

export const listParts = (gate: Gate, uploads: BlobUploads) =>
  memberChain('listParts', gate, {
    run: async ({ params, query }, { caller, stored }) => {
      refuseShut(stored());
      return await uploads.parts(caller.org, params.id, query);
    },
  });
