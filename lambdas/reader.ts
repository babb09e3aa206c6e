import { readerHost } from './compose.ts';
import { auditTrail, log } from './compose-parts.ts';
import { getValue } from './handlers/get-value.ts';
import { getValues } from './handlers/get-values.ts';
import { listValues } from './handlers/list-values.ts';
import { listVersions } from './handlers/list-versions.ts';
import { serve } from './middleware/serve.ts';

const { gate, reading } = readerHost();

export const handler = serve(log(), auditTrail(), {
  getValue: getValue(gate, reading),
  getValues: getValues(gate, reading),
  listValues: listValues(gate, reading),
  listVersions: listVersions(gate, reading),
});
