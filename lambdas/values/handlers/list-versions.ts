import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import type { Reading } from '../value-reader.ts';

export const listVersions = (gate: Gate, reading: Reading) =>
  memberChain('listVersions', gate, {
    names: ({ params }) => [params.name],
    history: () => true,
    run: async ({ params }, { keys, values }) => await reading.versions(await keys(), values, params.name),
  });
