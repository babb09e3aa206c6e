import { createFunctionLog } from '../compose/common.ts';
import { createRotationWorkflowServices } from '../compose/rotation.ts';
import { runRotationTask } from '../rotation/rotation-task-runner.ts';
import { createDurableHandler } from '../shared/stores/durable-handler.ts';

const services = createRotationWorkflowServices();

const log = createFunctionLog();

export const handler = createDurableHandler(
  async (input, steps) => await runRotationTask(services, input, steps),
  (failure) => log({ route: 'rotation-workflow', status: 500, ...failure }),
);
