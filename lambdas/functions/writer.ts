import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createWriterServices } from '../compose/values.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';
import { deleteValue } from '../values/handlers/delete-value.ts';
import { setValue } from '../values/handlers/set-value.ts';
import { setValues } from '../values/handlers/set-values.ts';

const { gate, states, writing } = createWriterServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  setValue: setValue(gate, states, writing),
  setValues: setValues(gate, states, writing),
  deleteValue: deleteValue(gate, states, writing),
});
