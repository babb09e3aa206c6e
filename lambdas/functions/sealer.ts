import { sealAudit } from '../audit/handlers/seal-audit.ts';
import { createSealerServices } from '../compose/audit.ts';
import { createFunctionLog } from '../compose/common.ts';

const log = createFunctionLog();
const { sealService, scheduledRun } = createSealerServices(log);

export const handler = sealAudit(log, sealService, scheduledRun);
