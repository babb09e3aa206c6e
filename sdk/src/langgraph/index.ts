/** Checkpoints and stores of LangGraph in the memory of a user. */
export type { MemoryCalls } from '../agent-memory/memory-calls.ts';
export { AnimaError, type AnimaErrorCode } from '../shared/errors.ts';
export { AnimaSaver, type AnimaSaverOptions } from './anima-saver.ts';
export { AnimaStore, type AnimaStoreOptions } from './anima-store.ts';
