import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import type { Reading } from '../value-reader.ts';

export const listValues = (gate: Gate, reading: Reading) =>
  memberChain('listValues', gate, {
    prefix: ({ query }) => query.prefix ?? '',
    subject: ({ query }) => ({ name: query.prefix }),
    run: async ({ query }, { caller, keys }) => await reading.list(caller, await keys(), query),
  });
