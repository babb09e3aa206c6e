import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../middleware/route-chains.ts';
import { refuseRepeats } from '../../shared/value-names.ts';
import type { Reading } from '../value-reader.ts';

export const getValues = (gate: Gate, reading: Reading) =>
  memberChain('getValues', gate, {
    names: ({ body }) => body.names,
    itemwise: true,
    run: async ({ body }, { caller, keys, values }) => {
      refuseRepeats(body.names, 'names');
      return await reading.getMany(caller, await keys(), values, body.names);
    },
  });
