import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import { refuseShut } from '../../org-keys/keyring-opener.ts';
import type { Blobs } from '../blob-service.ts';

export const relinkBlob = (gate: Gate, blobs: Blobs) =>
  memberChain('relinkBlob', gate, {
    run: async ({ params }, { caller, stored }) => {
      refuseShut(stored());
      return await blobs.relink(caller.org, params.id);
    },
  });
