import type { Reading } from '../domain/reading.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const listValues = (gate: Gate, reading: Reading) =>
  memberChain('listValues', gate, {
    prefix: ({ query }) => query.prefix ?? '',
    run: async ({ query }, { caller, keys }) => await reading.list(caller, await keys(), query),
  });
