import type { Reading } from '../domain/reading.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const listVersions = (gate: Gate, reading: Reading) =>
  memberChain('listVersions', gate, {
    names: ({ params }) => [params.name],
    history: () => true,
    run: async ({ params }, { keys, values }) => await reading.versions(await keys(), values, params.name),
  });
