import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createWriterServices } from '../compose/values.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { deleteValue } from '../values/handlers/delete-value.ts';
import { setValue } from '../values/handlers/set-value.ts';
import { setValues } from '../values/handlers/set-values.ts';

const { apiKeyAuth, snapshotLoader, valueWriter, valueDeleter } = createWriterServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  setValue: setValue(apiKeyAuth, snapshotLoader, valueWriter),
  setValues: setValues(apiKeyAuth, snapshotLoader, valueWriter),
  deleteValue: deleteValue(apiKeyAuth, snapshotLoader, valueDeleter),
});
