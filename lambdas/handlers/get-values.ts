import { refuseRepeats } from '../domain/names.ts';
import type { Reading } from '../domain/reading.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const getValues = (gate: Gate, reading: Reading) =>
  memberChain('getValues', gate, {
    names: ({ body }) => body.names,
    itemwise: true,
    run: async ({ body }, { caller, keys, values }) => {
      refuseRepeats(body.names, 'names');
      return await reading.getMany(caller, await keys(), values, body.names);
    },
  });
