import type { BlobUploads } from '../domain/blob-uploads.ts';
import { refuseShut } from '../domain/deks.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const completeBlob = (gate: Gate, uploads: BlobUploads) =>
  memberChain('completeBlob', gate, {
    run: async ({ params, body }, { caller, stored }) => {
      refuseShut(stored());
      return await uploads.complete(caller.org, params.id, body);
    },
  });
