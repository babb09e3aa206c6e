import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createReaderServices } from '../compose/values.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { getValue } from '../values/handlers/get-value.ts';
import { getValues } from '../values/handlers/get-values.ts';
import { listValues } from '../values/handlers/list-values.ts';
import { listVersions } from '../values/handlers/list-versions.ts';

const { apiKeyAuth, valueReader } = createReaderServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  getValue: getValue(apiKeyAuth, valueReader),
  getValues: getValues(apiKeyAuth, valueReader),
  listValues: listValues(apiKeyAuth, valueReader),
  listVersions: listVersions(apiKeyAuth, valueReader),
});
