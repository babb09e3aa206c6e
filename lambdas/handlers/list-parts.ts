import type { BlobUploads } from '../domain/blob-uploads.ts';
import { refuseShut } from '../domain/deks.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const listParts = (gate: Gate, uploads: BlobUploads) =>
  memberChain('listParts', gate, {
    run: async ({ params, query }, { caller, stored }) => {
      refuseShut(stored());
      return await uploads.parts(caller.org, params.id, query);
    },
  });
