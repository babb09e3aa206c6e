import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { noteTripwire } from '../../middleware/request-state.ts';
import { entityTagOf } from '../entity-tag.ts';
import type { ValueReader } from '../value-reader.ts';

export const getValue = (apiKeyAuth: ApiKeyAuth, valueReader: ValueReader) =>
  apiKeyRoute('getValue', apiKeyAuth, {
    valueNames: ({ params }) => [params.name],
    run: async ({ params, query }, { openKeyring, values }, call) => {
      const value = await valueReader.get(await openKeyring(), values, params.name, query.version, noteTripwire(call));
      call.entityTag = entityTagOf(value);
      return value;
    },
  });
