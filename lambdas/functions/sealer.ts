import { sealAudit } from '../audit/handlers/seal-audit.ts';
import { createSealerServices } from '../compose/audit.ts';
import { createFunctionLog } from '../compose/common.ts';

const { sealService, scheduledRun } = createSealerServices();

export const handler = sealAudit(createFunctionLog(), sealService, scheduledRun);
