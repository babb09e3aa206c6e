import { sealAudit } from '../audit/handlers/seal-audit.ts';
import { sealerHost } from '../compose/audit.ts';
import { log } from '../compose/common.ts';

const { sealer, sweep } = sealerHost();

export const handler = sealAudit(log(), sealer, sweep);
