import { refuseShut } from '../domain/deks.ts';
import type { WriteStates } from '../domain/write-states.ts';
import type { Writing } from '../domain/writing.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

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
