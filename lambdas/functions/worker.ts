import { log } from '../compose/common.ts';
import { workerHost } from '../compose/worker.ts';
import { work } from '../worker/handlers/process-jobs.ts';

const { working } = workerHost();

export const handler = work(log(), working);
