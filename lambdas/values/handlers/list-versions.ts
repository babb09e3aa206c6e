import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { ValueReader } from '../value-reader.ts';

export const listVersions = (apiKeyAuth: ApiKeyAuth, valueReader: ValueReader) =>
  apiKeyRoute('listVersions', apiKeyAuth, {
    valueNames: ({ params }) => [params.name],
    run: async ({ params }, { openKeyring, values }) =>
      await valueReader.listVersions(await openKeyring(), values, params.name),
  });
