/**
 * What clients of single values and of blobs never need, as one part that is loaded when first used: batches, memory, accounts, users, and
 * the readers of what admins ask for.
 */
export {
  createUser,
  deleteAccount,
  deleteUser,
  explain,
  info,
  logIn,
  logOut,
  removePassword,
  removeSlot,
  setPassword,
  startLink,
  userPage,
} from './account-calls.ts';
export {
  decodeAudit,
  decodeExport,
  decodeKey,
  decodeKeyInfo,
  decodeKeys,
  decodeLatest,
  decodeOrg,
  decodeRotatedKey,
  decodeShred,
} from './admin-decode.ts';
export { decodeResults, runBatch } from './batch.ts';
export { changeKey } from './change-key.ts';
export { exportFernet } from './fernet-export.ts';
export { importFernet } from './fernet-import.ts';
export { add, get, listPage, messagePage, remove, replace, searchPage } from './memory-calls.ts';
export { addMany } from './memory-many.ts';
