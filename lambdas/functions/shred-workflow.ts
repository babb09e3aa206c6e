import { shredWorkflowHost } from '../compose/shredding.ts';
import { durableHandler } from '../shared/stores/durable-workflow-runtime.ts';
import { runShredWorkflow } from '../shredding/shred-workflow.ts';

const host = shredWorkflowHost();

export const handler = durableHandler(async (input, steps) => await runShredWorkflow(host, input, steps));
