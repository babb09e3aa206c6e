import { auditTrail, log } from '../compose/common.ts';
import { readerHost } from '../compose/values.ts';
import { serve } from '../middleware/lambda-handler.ts';
import { getValue } from '../values/handlers/get-value.ts';
import { getValues } from '../values/handlers/get-values.ts';
import { listValues } from '../values/handlers/list-values.ts';
import { listVersions } from '../values/handlers/list-versions.ts';

const { gate, reading } = readerHost();

export const handler = serve(log(), auditTrail(), {
  getValue: getValue(gate, reading),
  getValues: getValues(gate, reading),
  listValues: listValues(gate, reading),
  listVersions: listVersions(gate, reading),
});
