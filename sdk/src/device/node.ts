export type { OsKeyring } from './node-storage/node-key-store.ts';
export { type NodeStorageOptions, nodeStorage } from './node-storage/node-storage.ts';
