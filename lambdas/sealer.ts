import { sealerHost } from './compose.ts';
import { log } from './compose-parts.ts';
import { sealAudit } from './handlers/seal-audit.ts';

const { sealer, sweep } = sealerHost();

export const handler = sealAudit(log(), sealer, sweep);
