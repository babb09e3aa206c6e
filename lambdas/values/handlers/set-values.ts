import { authorizeName } from '../../api-keys/authorization.ts';
import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import { asItem, failedNames } from '../../shared/batch-item-result.ts';
import { inTurns } from '../../shared/map-concurrent.ts';
import { refuseRepeats } from '../../shared/value-names.ts';
import type { Writing } from '../value-writer.ts';
import type { WriteStates } from '../write-precondition.ts';

/** Writes under way at once for one request. */
const atOnce = 16;

export const setValues = (gate: Gate, states: WriteStates, writing: Writing) =>
  memberChain('setValues', gate, {
    names: ({ body }) => body.items.map((item) => item.name),
    itemwise: true,
    history: () => true,
    subject: ({ body }, output) => ({
      names: body.items.map(({ name }) => name),
      failed: failedNames(output?.results),
    }),
    run: async ({ body }, { caller, keys, values }) => {
      refuseRepeats(
        body.items.map((item) => item.name),
        'items',
      );
      const writable = await states.keysOf(caller, await keys());
      const results = await inTurns(body.items, atOnce, async ({ name, ...request }) => {
        const state = { keys: writable, stored: values.get(name) };
        const item = await asItem(async () => {
          authorizeName(caller, name);
          return await writing.set(state, states.reread(caller), name, request);
        });
        return { name, ...item };
      });
      return { results };
    },
  });
