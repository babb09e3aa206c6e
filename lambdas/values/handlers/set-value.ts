import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { requirePreconditions } from '../../middleware/preconditions.ts';
import { entityTagOf } from '../entity-tag.ts';
import type { ValueWriter } from '../value-writer.ts';
import type { WriteSnapshotLoader } from '../write-snapshot-loader.ts';

export const setValue = (apiKeyAuth: ApiKeyAuth, snapshotLoader: WriteSnapshotLoader, valueWriter: ValueWriter) =>
  apiKeyRoute('setValue', apiKeyAuth, {
    valueNames: ({ params }) => [params.name],
    run: async ({ params, body }, { caller, openKeyring, values }, call) => {
      const preconditions = requirePreconditions(call);
      const snapshot = {
        keys: await snapshotLoader.ensureActiveDek(caller, await openKeyring()),
        stored: values.get(params.name),
      };
      const reload = snapshotLoader.reloaderFor(caller);
      const info = await valueWriter.set(snapshot, reload, params.name, body, preconditions);
      call.entityTag = entityTagOf(info);
      return info;
    },
  });
