import { auditTrail, log } from './compose-parts.ts';
import { memoryHost } from './compose-users.ts';
import { addMemories } from './handlers/add-memories.ts';
import { addMemory } from './handlers/add-memory.ts';
import { deleteMemory } from './handlers/delete-memory.ts';
import { getMemory } from './handlers/get-memory.ts';
import { listMemory } from './handlers/list-memory.ts';
import { listMessages } from './handlers/list-messages.ts';
import { replaceMemory } from './handlers/replace-memory.ts';
import { searchMemory } from './handlers/search-memory.ts';
import { serve } from './middleware/serve.ts';

const { gate, reading, writing } = memoryHost();

export const handler = serve(log(), auditTrail(), {
  addMemory: addMemory(gate, writing),
  addMemories: addMemories(gate, writing),
  listMemory: listMemory(gate, reading),
  getMemory: getMemory(gate, reading),
  replaceMemory: replaceMemory(gate, writing),
  deleteMemory: deleteMemory(gate, writing),
  searchMemory: searchMemory(gate, reading),
  listMessages: listMessages(gate, reading),
});
