import { authorizeName } from '../domain/access.ts';
import { asItem } from '../domain/failures.ts';
import { inTurns } from '../domain/in-turns.ts';
import { refuseRepeats } from '../domain/names.ts';
import type { WriteStates } from '../domain/write-states.ts';
import type { Writing } from '../domain/writing.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

/** Writes under way at once for one request. */
const atOnce = 16;

export const setValues = (gate: Gate, states: WriteStates, writing: Writing) =>
  memberChain('setValues', gate, {
    names: ({ body }) => body.items.map((item) => item.name),
    itemwise: true,
    history: () => true,
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
