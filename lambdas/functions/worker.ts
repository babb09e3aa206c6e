import { createFunctionLog } from '../compose/common.ts';
import { createWorkerServices } from '../compose/worker.ts';
import { work } from '../worker/handlers/process-jobs.ts';

const { working } = createWorkerServices();

export const handler = work(createFunctionLog(), working);
