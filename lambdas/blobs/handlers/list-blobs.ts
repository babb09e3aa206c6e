import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import { refuseShut } from '../../org-keys/keyring-opener.ts';
import type { Blobs } from '../blob-service.ts';

export const listBlobs = (gate: Gate, blobs: Blobs) =>
  memberChain('listBlobs', gate, {
    run: async ({ query }, { caller, stored }) => {
      refuseShut(stored());
      return await blobs.list(caller.org, query);
    },
  });
