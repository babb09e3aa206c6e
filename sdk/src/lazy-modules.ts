/**
 * What clients of single values and of blobs never need, as one part that is loaded when first used: batches, memory, accounts, users, and
 * the readers of what admins ask for.
 */

export { decodeResults, runBatch } from './http/batch-runner.ts';
export { addMany } from './memory/bulk-add.ts';
export { exportFernet } from './memory/fernet-export.ts';
export { importFernet } from './memory/fernet-import.ts';
export { add, get, listPage, messagePage, remove, replace, searchPage } from './memory/memory-requests.ts';
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
} from './orgs/admin-decoders.ts';
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
} from './users/account-requests.ts';
export { changeKey } from './users/rotate-user-key.ts';
