import type { Gate } from '../../api-keys/middleware/api-key-auth.ts';
import { memberChain } from '../../api-keys/middleware/api-key-chain.ts';
import type { AuditReading } from '../audit-query-service.ts';

export const queryAudit = (gate: Gate, audit: AuditReading) =>
  memberChain('queryAudit', gate, {
    subject: ({ query }) => ({ name: query.name }),
    run: async ({ query }, { caller }) => await audit.query(caller.org, query),
  });
