import { createRotationWorkflowServices } from '../compose/rotation.ts';
import { runRotationTask } from '../rotation/rotation-task-runner.ts';
import { createDurableHandler } from '../shared/stores/durable-handler.ts';

const services = createRotationWorkflowServices();

export const handler = createDurableHandler(async (input, steps) => await runRotationTask(services, input, steps));
