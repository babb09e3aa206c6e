import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import { refuseShut } from '../../org-keys/keyring-opener.ts';
import type { BlobUploads } from '../multipart-upload-service.ts';

export const completeBlob = (gate: Gate, uploads: BlobUploads) =>
  memberChain('completeBlob', gate, {
    run: async ({ params, body }, { caller, stored }) => {
      refuseShut(stored());
      return await uploads.complete(caller.org, params.id, body);
    },
  });
