import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import { refuseShut } from '../../org-keys/keyring-opener.ts';
import type { Writing } from '../value-writer.ts';
import type { WriteStates } from '../write-precondition.ts';

export const deleteValue = (gate: Gate, states: WriteStates, writing: Writing) =>
  memberChain('deleteValue', gate, {
    names: ({ params }) => [params.name],
    run: async ({ params, query }, { caller, stored, values }) => {
      // No key is needed to delete, but an org that waits for its shredding must come back whole when that is cancelled.
      refuseShut(stored());
      return await writing.delete(
        caller.org,
        values.get(params.name),
        () => states.stored(caller, params.name),
        params.name,
        query.ifVersion,
      );
    },
  });
