import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import type { AuditReading } from '../audit-query-service.ts';

export const exportAudit = (gate: Gate, audit: AuditReading) =>
  memberChain('exportAudit', gate, {
    run: async ({ query }, { caller }) => await audit.export(caller.org, query.cursor),
  });
