import { shredderHost } from './compose.ts';
import { auditTrail, log } from './compose-parts.ts';
import { cancelShred } from './handlers/cancel-shred.ts';
import { destroyValue } from './handlers/destroy-value.ts';
import { getShred } from './handlers/get-shred.ts';
import { shredOrg } from './handlers/shred-org.ts';
import { serve } from './middleware/serve.ts';

const { gate, shredding, destroying } = shredderHost();

export const handler = serve(log(), auditTrail(), {
  shredOrg: shredOrg(gate, shredding),
  cancelShred: cancelShred(gate, shredding),
  getShred: getShred(gate),
  destroyValue: destroyValue(gate, destroying),
});
