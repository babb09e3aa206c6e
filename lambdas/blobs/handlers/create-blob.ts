import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import { refuseShut } from '../../org-keys/keyring-opener.ts';
import type { Blobs } from '../blob-service.ts';

export const createBlob = (gate: Gate, blobs: Blobs) =>
  memberChain('createBlob', gate, {
    subject: (_, output) => ({ name: output?.id }),
    run: async ({ body }, { caller, stored }) => {
      refuseShut(stored());
      return await blobs.create(caller.org, body);
    },
  });
