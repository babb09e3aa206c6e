import type { AuditReading } from '../domain/audit-reading.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const queryAudit = (gate: Gate, audit: AuditReading) =>
  memberChain('queryAudit', gate, { run: async ({ query }, { caller }) => await audit.query(caller.org, query) });
