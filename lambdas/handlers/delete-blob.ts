import type { Blobs } from '../domain/blobs.ts';
import { refuseShut } from '../domain/deks.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const deleteBlob = (gate: Gate, blobs: Blobs) =>
  memberChain('deleteBlob', gate, {
    run: async ({ params }, { caller, stored }) => {
      refuseShut(stored());
      return await blobs.delete(caller.org, params.id);
    },
  });
