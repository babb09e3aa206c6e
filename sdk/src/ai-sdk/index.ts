/** Chats of the AI SDK in the memory of a user. Needs no package of the AI SDK. */
export type { MemoryCalls } from '../agent-memory/memory-calls.ts';
export { AnimaError, type AnimaErrorCode } from '../shared/errors.ts';
export { AnimaChats, type AnimaChatsOptions, type ChatInfo } from './anima-chats.ts';
