import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../middleware/route-chains.ts';
import type { AuditReading } from '../audit-query-service.ts';

export const queryAudit = (gate: Gate, audit: AuditReading) =>
  memberChain('queryAudit', gate, { run: async ({ query }, { caller }) => await audit.query(caller.org, query) });
