import { rotationWorkflowHost } from '../compose/rotation.ts';
import { runRotationTask } from '../rotation/rotation-starter.ts';
import { durableHandler } from '../shared/stores/durable-workflow-runtime.ts';

const host = rotationWorkflowHost();

export const handler = durableHandler(async (input, steps) => await runRotationTask(host, input, steps));
