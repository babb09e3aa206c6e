import { createRotationWorkflowServices } from '../compose/rotation.ts';
import { runRotationTask } from '../rotation/rotation-starter.ts';
import { createDurableHandler } from '../shared/stores/durable-workflow-runtime.ts';

const services = createRotationWorkflowServices();

export const handler = createDurableHandler(async (input, steps) => await runRotationTask(services, input, steps));
