import { log } from './compose-parts.ts';
import { workerHost } from './compose-users.ts';
import { work } from './handlers/work.ts';

const { working } = workerHost();

export const handler = work(log(), working);
