import { sealAudit } from '../audit/handlers/seal-audit.ts';
import { log } from '../compose/common.ts';
import { sealerHost } from '../compose/org-functions.ts';

const { sealer, sweep } = sealerHost();

export const handler = sealAudit(log(), sealer, sweep);
