import { createFunctionLog } from '../compose/common.ts';
import { createWorkerServices } from '../compose/worker.ts';
import { processJobs } from '../worker/handlers/process-jobs.ts';

const { jobConsumer } = createWorkerServices();

export const handler = processJobs(createFunctionLog(), jobConsumer);
