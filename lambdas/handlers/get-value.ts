import type { Reading } from '../domain/reading.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const getValue = (gate: Gate, reading: Reading) =>
  memberChain('getValue', gate, {
    names: ({ params }) => [params.name],
    history: ({ query }) => query.version !== undefined,
    run: async ({ params, query }, { keys, values }) =>
      await reading.get(await keys(), values, params.name, query.version),
  });
