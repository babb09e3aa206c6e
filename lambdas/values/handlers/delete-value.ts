import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { assertOrgActive } from '../../org-keys/keyring-verifier.ts';
import type { ValueDeleter } from '../value-deleter.ts';
import type { WriteSnapshotLoader } from '../write-snapshot-loader.ts';

export const deleteValue = (apiKeyAuth: ApiKeyAuth, snapshotLoader: WriteSnapshotLoader, valueDeleter: ValueDeleter) =>
  apiKeyRoute('deleteValue', apiKeyAuth, {
    valueNames: ({ params }) => [params.name],
    run: async ({ params, query }, { caller, storedKeyring, values }) => {
      // Deleting needs no key. A locked org must still be refused, because its data must be complete if the shredding
      // is cancelled.
      assertOrgActive(await storedKeyring());
      const stored = values.get(params.name);
      const { version, ifVersion } = query;
      if (version !== undefined)
        return await valueDeleter.deleteEarlierVersion(caller.org, stored, params.name, version, ifVersion);
      return await valueDeleter.delete(
        caller.org,
        stored,
        () => snapshotLoader.readStoredValue(caller, params.name),
        params.name,
        ifVersion,
      );
    },
  });
