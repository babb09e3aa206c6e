import { rotationWorkflowHost } from './compose.ts';
import { runRotationTask } from './domain/rotation-tasks.ts';
import { durableHandler } from './stores/durable.ts';

const host = rotationWorkflowHost();

export const handler = durableHandler(async (input, steps) => await runRotationTask(host, input, steps));
