import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import { failedNames } from '../../shared/batch-item-result.ts';
import { refuseRepeats } from '../../shared/value-names.ts';
import type { Reading } from '../value-reader.ts';

export const getValues = (gate: Gate, reading: Reading) =>
  memberChain('getValues', gate, {
    names: ({ body }) => body.names,
    itemwise: true,
    subject: ({ body }, output) => ({ names: body.names, failed: failedNames(output?.results) }),
    run: async ({ body }, { caller, keys, values }) => {
      refuseRepeats(body.names, 'names');
      return await reading.getMany(caller, await keys(), values, body.names);
    },
  });
