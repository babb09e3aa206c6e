/**
 * The parts that clients of single values and of blobs never need, bundled as one module that is loaded on first use:
 * batches, accounts, users and admin functions.
 */

export {
  cancelShred,
  createKey,
  destroyValue,
  exportAuditPage as auditExportPage,
  getOrg,
  getRotation,
  getShred,
  listKeysPage as keyPage,
  queryAuditPage as auditPage,
  revokeKey,
  rotateKey,
  shredOrg,
  startRotation,
} from './orgs/admin-requests.ts';
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
export { findSecretRequest, requestSecret } from './values/secret-requests.ts';
export { setWithCustody } from './values/set-with-custody.ts';
export { getValues, setValues } from './values/value-batches.ts';
export { getRules, setRules } from './values/value-rules.ts';
export { fetchWithValues } from './values/vault-fetch.ts';
