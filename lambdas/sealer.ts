import { log, sealerHost } from './compose.ts';
import { sealAudit } from './handlers/seal-audit.ts';

const { sealer, sweep } = sealerHost();

export const handler = sealAudit(log(), sealer, sweep);
