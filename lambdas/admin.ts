import { adminHost } from './compose.ts';
import { auditTrail, log } from './compose-parts.ts';
import { createKey } from './handlers/create-key.ts';
import { getOrg } from './handlers/get-org.ts';
import { listKeys } from './handlers/list-keys.ts';
import { revokeKey } from './handlers/revoke-key.ts';
import { rotateKey } from './handlers/rotate-key.ts';
import { serve } from './middleware/serve.ts';

const { gate, apiKeys } = adminHost();

export const handler = serve(log(), auditTrail(), {
  getOrg: getOrg(gate),
  createKey: createKey(gate, apiKeys),
  listKeys: listKeys(gate, apiKeys),
  revokeKey: revokeKey(gate, apiKeys),
  rotateKey: rotateKey(gate, apiKeys),
});
