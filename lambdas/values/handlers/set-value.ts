import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import type { Writing } from '../value-writer.ts';
import type { WriteStates } from '../write-precondition.ts';

export const setValue = (gate: Gate, states: WriteStates, writing: Writing) =>
  memberChain('setValue', gate, {
    names: ({ params }) => [params.name],
    history: () => true,
    run: async ({ params, body }, { caller, keys, values }) => {
      const state = { keys: await states.keysOf(caller, await keys()), stored: values.get(params.name) };
      return await writing.set(state, states.reread(caller), params.name, body);
    },
  });
