/**
 * The parts that clients of single values and of blobs never need, bundled as one module that is loaded on first use:
 * batches, memory, accounts, users, and the decoders for admin responses.
 */

export { decodeResults, runBatch } from './http/batch-runner.ts';
export { addMany } from './memory/bulk-add.ts';
export { exportFernet } from './memory/fernet-export.ts';
export { importFernet } from './memory/fernet-import.ts';
export {
  addRecord as add,
  deleteRecord as remove,
  getRecord as get,
  listMessagesPage as messagePage,
  listRecordsPage as listPage,
  replaceRecord as replace,
  searchRecordsPage as searchPage,
} from './memory/memory-requests.ts';
export {
  decodeAuditExportPage as decodeExport,
  decodeAuditPage as decodeAudit,
  decodeCreatedKey as decodeKey,
  decodeKeyInfo,
  decodeKeyPage as decodeKeys,
  decodeLatestRotation as decodeLatest,
  decodeOrg,
  decodeRotatedKey,
  decodeShred,
} from './orgs/admin-decoders.ts';
export {
  createUser,
  deleteAccount,
  deleteUser,
  explain,
  getAccount as info,
  listUsersPage as userPage,
  logIn,
  logOut,
  removePassword,
  removeSlot,
  setPassword,
  startLink,
} from './users/account-requests.ts';
export { changeKey } from './users/rotate-user-key.ts';
export { setWithCustody } from './values/set-with-custody.ts';
export { getRules, setRules } from './values/value-rules.ts';
export { fetchWithValues } from './values/vault-fetch.ts';
