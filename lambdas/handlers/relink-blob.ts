import type { Blobs } from '../domain/blobs.ts';
import { refuseShut } from '../domain/deks.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const relinkBlob = (gate: Gate, blobs: Blobs) =>
  memberChain('relinkBlob', gate, {
    run: async ({ params }, { caller, stored }) => {
      refuseShut(stored());
      return await blobs.relink(caller.org, params.id);
    },
  });
