import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import type { Reading } from '../value-reader.ts';

export const getValue = (gate: Gate, reading: Reading) =>
  memberChain('getValue', gate, {
    names: ({ params }) => [params.name],
    history: ({ query }) => query.version !== undefined,
    run: async ({ params, query }, { keys, values }) =>
      await reading.get(await keys(), values, params.name, query.version),
  });
