/** Threads, messages and working memory of Mastra in the memory of a user. */
export type { MemoryCalls } from '../agent-memory/memory-calls.ts';
export { AnimaError, type AnimaErrorCode } from '../shared/errors.ts';
export { AnimaMemoryStorage, type AnimaMemoryStorageOptions } from './anima-memory-storage.ts';
