import type { WriteStates } from '../domain/write-states.ts';
import type { Writing } from '../domain/writing.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const deleteValue = (gate: Gate, states: WriteStates, writing: Writing) =>
  memberChain('deleteValue', gate, {
    names: ({ params }) => [params.name],
    run: async ({ params, query }, { caller, values }) =>
      await writing.delete(
        caller.org,
        values.get(params.name),
        () => states.stored(caller, params.name),
        params.name,
        query.ifVersion,
      ),
  });
