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

const { userAuthenticator, messageReader, memoryReader, memoryWriter } = createMemoryServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  addMemory: addMemory(userAuthenticator, memoryWriter),
  addMemories: addMemories(userAuthenticator, memoryWriter),
  listMemory: listMemory(userAuthenticator, memoryReader),
  getMemory: getMemory(userAuthenticator, memoryReader),
  replaceMemory: replaceMemory(userAuthenticator, memoryWriter),
  deleteMemory: deleteMemory(userAuthenticator, memoryWriter),
  searchMemory: searchMemory(userAuthenticator, memoryReader),
  listMessages: listMessages(userAuthenticator, messageReader),
});
