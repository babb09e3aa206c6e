import { createAuditLog, createFunctionLog } from '../compose/common.ts';
import { createDeviceServices } from '../compose/devices.ts';
import { appendDeviceLog } from '../devices/handlers/append-device-log.ts';
import { createDeviceVault } from '../devices/handlers/create-device-vault.ts';
import { deleteDeviceVault } from '../devices/handlers/delete-device-vault.ts';
import { deletePairing } from '../devices/handlers/delete-pairing.ts';
import { getDeviceRecovery } from '../devices/handlers/get-device-recovery.ts';
import { getPairing } from '../devices/handlers/get-pairing.ts';
import { keepDeviceVault } from '../devices/handlers/keep-device-vault.ts';
import { listDeviceVaults } from '../devices/handlers/list-device-vaults.ts';
import { listPairings } from '../devices/handlers/list-pairings.ts';
import { pruneDeviceLog } from '../devices/handlers/prune-device-log.ts';
import { putApproverMessage } from '../devices/handlers/put-approver-message.ts';
import { putNewDeviceMessage } from '../devices/handlers/put-new-device-message.ts';
import { readBundleEntries } from '../devices/handlers/read-bundle-entries.ts';
import { readBundleRecords } from '../devices/handlers/read-bundle-records.ts';
import { readDeviceLog } from '../devices/handlers/read-device-log.ts';
import { createLambdaHandler } from '../middleware/lambda-handler.ts';

const { userAuthenticator, deviceAuth, vaults, log, bundles, pruning, pairings } = createDeviceServices();

export const handler = createLambdaHandler(createFunctionLog(), createAuditLog(), {
  createDeviceVault: createDeviceVault(userAuthenticator, vaults),
  listDeviceVaults: listDeviceVaults(userAuthenticator, vaults),
  deleteDeviceVault: deleteDeviceVault(userAuthenticator, vaults),
  getDeviceRecovery: getDeviceRecovery(userAuthenticator, vaults),
  keepDeviceVault: keepDeviceVault(deviceAuth, vaults),
  readDeviceLog: readDeviceLog(deviceAuth, log),
  appendDeviceLog: appendDeviceLog(deviceAuth, log),
  pruneDeviceLog: pruneDeviceLog(deviceAuth, pruning),
  readBundleEntries: readBundleEntries(deviceAuth, bundles),
  readBundleRecords: readBundleRecords(deviceAuth, bundles),
  listPairings: listPairings(deviceAuth, pairings),
  getPairing: getPairing(userAuthenticator, pairings),
  putNewDeviceMessage: putNewDeviceMessage(userAuthenticator, vaults, pairings),
  putApproverMessage: putApproverMessage(deviceAuth, pairings),
  deletePairing: deletePairing(deviceAuth, pairings),
});
