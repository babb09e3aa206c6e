import type { Blobs } from '../domain/blobs.ts';
import { refuseShut } from '../domain/deks.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const listBlobs = (gate: Gate, blobs: Blobs) =>
  memberChain('listBlobs', gate, {
    run: async ({ query }, { caller, stored }) => {
      refuseShut(stored());
      return await blobs.list(caller.org, query);
    },
  });
