import type { WriteStates } from '../domain/write-states.ts';
import type { Writing } from '../domain/writing.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const setValue = (gate: Gate, states: WriteStates, writing: Writing) =>
  memberChain('setValue', gate, {
    names: ({ params }) => [params.name],
    history: () => true,
    run: async ({ params, body }, { caller, keys, values }) => {
      const state = { keys: await states.keysOf(caller, await keys()), stored: values.get(params.name) };
      return await writing.set(state, states.reread(caller), params.name, body);
    },
  });
