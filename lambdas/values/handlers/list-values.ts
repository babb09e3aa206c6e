import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import type { ValueReader } from '../value-reader.ts';

export const listValues = (apiKeyAuth: ApiKeyAuth, valueReader: ValueReader) =>
  apiKeyRoute('listValues', apiKeyAuth, {
    prefix: ({ query }) => query.prefix ?? '',
    subject: ({ query }) => ({ name: query.prefix }),
    run: async ({ query }, { caller, openKeyring }) => await valueReader.list(caller, await openKeyring(), query),
  });
