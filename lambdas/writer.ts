import { writerHost } from './compose.ts';
import { auditTrail, log } from './compose-parts.ts';
import { deleteValue } from './handlers/delete-value.ts';
import { setValue } from './handlers/set-value.ts';
import { setValues } from './handlers/set-values.ts';
import { serve } from './middleware/serve.ts';

const { gate, states, writing } = writerHost();

export const handler = serve(log(), auditTrail(), {
  setValue: setValue(gate, states, writing),
  setValues: setValues(gate, states, writing),
  deleteValue: deleteValue(gate, states, writing),
});
