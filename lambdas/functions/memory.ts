import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createMemoryServices } from '../compose/memory.ts';
import { listMessages } from '../conversations/handlers/list-messages.ts';
import { addMemories } from '../memory/handlers/add-memories.ts';
import { addMemory } from '../memory/handlers/add-memory.ts';
import { deleteMemory } from '../memory/handlers/delete-memory.ts';
import { getMemory } from '../memory/handlers/get-memory.ts';
import { listMemory } from '../memory/handlers/list-memory.ts';
import { replaceMemory } from '../memory/handlers/replace-memory.ts';
import { searchMemory } from '../memory/handlers/search-memory.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';

const { gate, messages, reading, writing } = createMemoryServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  addMemory: addMemory(gate, writing),
  addMemories: addMemories(gate, writing),
  listMemory: listMemory(gate, reading),
  getMemory: getMemory(gate, reading),
  replaceMemory: replaceMemory(gate, writing),
  deleteMemory: deleteMemory(gate, writing),
  searchMemory: searchMemory(gate, reading),
  listMessages: listMessages(gate, messages),
});
