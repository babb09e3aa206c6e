import { auditTrail, log } from '../compose/common.ts';
import { writerHost } from '../compose/values.ts';
import { serve } from '../middleware/lambda-handler.ts';
import { deleteValue } from '../values/handlers/delete-value.ts';
import { setValue } from '../values/handlers/set-value.ts';
import { setValues } from '../values/handlers/set-values.ts';

const { gate, states, writing } = writerHost();

export const handler = serve(log(), auditTrail(), {
  setValue: setValue(gate, states, writing),
  setValues: setValues(gate, states, writing),
  deleteValue: deleteValue(gate, states, writing),
});
