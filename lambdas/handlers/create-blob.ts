import type { Blobs } from '../domain/blobs.ts';
import { refuseShut } from '../domain/deks.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const createBlob = (gate: Gate, blobs: Blobs) =>
  memberChain('createBlob', gate, {
    run: async ({ body }, { caller, stored }) => {
      refuseShut(stored());
      return await blobs.create(caller.org, body);
    },
  });
