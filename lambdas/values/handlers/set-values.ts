import { authorizeName } from '../../api-keys/authorization.ts';
import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { failedNames, toItemResult } from '../../shared/error-classification.ts';
import { mapConcurrent } from '../../shared/map-concurrent.ts';
import { assertUniqueNames } from '../../shared/value-names.ts';
import type { ValueWriter } from '../value-writer.ts';
import type { WriteSnapshotLoader } from '../write-snapshot-loader.ts';

/** Maximum concurrent writes per request. */
const maxConcurrentWrites = 16;

export const setValues = (apiKeyAuth: ApiKeyAuth, snapshotLoader: WriteSnapshotLoader, valueWriter: ValueWriter) =>
  apiKeyRoute('setValues', apiKeyAuth, {
    valueNames: ({ body }) => body.items.map((result) => result.name),
    authorizesEachItem: true,
    subject: ({ body }, output) => ({
      names: body.items.map(({ name }) => name),
      failed: failedNames(output?.results),
    }),
    run: async ({ body }, { caller, openKeyring, values }) => {
      assertUniqueNames(
        body.items.map((result) => result.name),
        'items',
      );
      const activeKeyring = await snapshotLoader.ensureActiveDek(caller, await openKeyring());
      const results = await mapConcurrent(body.items, maxConcurrentWrites, async ({ name, ...request }) => {
        const snapshot = { keys: activeKeyring, stored: values.get(name) };
        const result = await toItemResult(async () => {
          authorizeName(caller, name);
          return await valueWriter.set(snapshot, snapshotLoader.reloaderFor(caller), name, request);
        });
        return { name, ...result };
      });
      return { results };
    },
  });
