import { createFunctionLog } from '../compose/common.ts';
import { createShredWorkflowServices } from '../compose/shredding.ts';
import { createDurableHandler } from '../shared/stores/durable-handler.ts';
import { runShredWorkflow } from '../shredding/shred-workflow.ts';

const services = createShredWorkflowServices();

const log = createFunctionLog();

export const handler = createDurableHandler(
  async (input, steps) => await runShredWorkflow(services, input, steps),
  (failure) => log({ route: 'shred-workflow', status: 500, ...failure }),
);
