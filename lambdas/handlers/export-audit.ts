import type { AuditReading } from '../domain/audit-reading.ts';
import type { Gate } from '../middleware/authenticate.ts';
import { memberChain } from '../middleware/chains.ts';

export const exportAudit = (gate: Gate, audit: AuditReading) =>
  memberChain('exportAudit', gate, {
    run: async ({ query }, { caller }) => await audit.export(caller.org, query.cursor),
  });
