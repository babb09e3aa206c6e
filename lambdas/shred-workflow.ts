import { shredWorkflowHost } from './compose.ts';
import { runShredWorkflow } from './domain/shred-workflow.ts';
import { durableHandler } from './stores/durable.ts';

const host = shredWorkflowHost();

export const handler = durableHandler(async (input, steps) => await runShredWorkflow(host, input, steps));
