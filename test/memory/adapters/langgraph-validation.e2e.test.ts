/** The tests of LangGraph for checkpointers, with the deployed template on this machine. */
import { deltaChannelHistoryTests, validate } from '@langchain/langgraph-checkpoint-validation';
import * as vitest from 'vitest';
import type { Anima } from '../../../sdk/src/index.ts';
import { AnimaSaver } from '../../../sdk/src/langgraph/index.ts';
import { useLocalStack } from '../../shared/local-stack.ts';
import { userFactory } from './memory-user.ts';

// The package uses the functions of its test runner as globals, as Jest defines them.
Object.assign(globalThis, vitest);

const stack = useLocalStack();
let newUser: () => Promise<Anima>;
vitest.beforeAll(async () => {
  newUser = (await userFactory(stack)).client;
});

const initializer = {
  checkpointerName: 'AnimaSaver',
  // A user for each, so that no checkpointer sees what another one stored.
  createCheckpointer: async () => new AnimaSaver((await newUser()).memory),
};

validate(initializer);
deltaChannelHistoryTests(initializer);
