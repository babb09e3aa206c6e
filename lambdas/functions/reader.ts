import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createReaderServices } from '../compose/values.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { getValue } from '../values/handlers/get-value.ts';
import { getValues } from '../values/handlers/get-values.ts';
import { listValues } from '../values/handlers/list-values.ts';
import { listVersions } from '../values/handlers/list-versions.ts';

const { gate, reading } = createReaderServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  getValue: getValue(gate, reading),
  getValues: getValues(gate, reading),
  listValues: listValues(gate, reading),
  listVersions: listVersions(gate, reading),
});
