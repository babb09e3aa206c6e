import { apiKeyRoute } from '../../api-keys/middleware/api-key-route.ts';
import type { ApiKeyAuth } from '../../api-keys/middleware/require-api-key.ts';
import { noteTripwire } from '../../middleware/request-state.ts';
import { failedNames } from '../../shared/error-classification.ts';
import { assertUniqueNames } from '../../shared/value-names.ts';
import type { ValueReader } from '../value-reader.ts';

export const getValues = (apiKeyAuth: ApiKeyAuth, valueReader: ValueReader) =>
  apiKeyRoute('getValues', apiKeyAuth, {
    valueNames: ({ body }) => body.names,
    authorizesEachItem: true,
    subject: ({ body }, output) => ({ names: body.names, failed: failedNames(output?.results) }),
    run: async ({ body }, { caller, openKeyring, values }, call) => {
      assertUniqueNames(body.names, 'names');
      return await valueReader.getMany(caller, await openKeyring(), values, body.names, noteTripwire(call));
    },
  });
