import type { BlobUploads } from '../domain/blob-uploads.ts';
import { refuseShut } from '../domain/deks.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const grantParts = (gate: Gate, uploads: BlobUploads) =>
  memberChain('grantParts', gate, {
    run: async ({ params, body }, { caller, stored }) => {
      refuseShut(stored());
      return await uploads.grant(caller.org, params.id, body);
    },
  });
