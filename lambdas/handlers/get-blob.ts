import type { Blobs } from '../domain/blobs.ts';
import { refuseShut } from '../domain/deks.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const getBlob = (gate: Gate, blobs: Blobs) =>
  memberChain('getBlob', gate, {
    run: async ({ params }, { caller, stored }) => {
      refuseShut(stored());
      return await blobs.get(caller.org, params.id);
    },
  });
