/** Composes the function `devices`. It has no key of any data: records are opened on the devices alone. */
import { DeviceAuthenticator } from '../devices/device-authenticator.ts';
import { DeviceLogService } from '../devices/device-log-service.ts';
import { DeviceVaultService } from '../devices/device-vault-service.ts';
import type { DeviceAuth } from '../devices/middleware/device-routes.ts';
import { PairingService } from '../devices/pairing-service.ts';
import { RosterVerifier } from '../devices/roster-verifier.ts';
import { DynamoDeviceLogs } from '../devices/stores/dynamo-device-logs.ts';
import { DynamoDeviceRequest } from '../devices/stores/dynamo-device-request.ts';
import { DynamoDeviceRosters } from '../devices/stores/dynamo-device-rosters.ts';
import { DynamoPairings } from '../devices/stores/dynamo-pairings.ts';
import type { UserAuthenticator } from '../users/middleware/authenticate-user.ts';
import {
  authenticationKeys,
  clock,
  configuredHosts,
  keyringVerifier,
  orgDynamoClients,
  requireSetting,
} from './common.ts';
import { userReader, userTables } from './user-stores.ts';

export function createDeviceServices() {
  const rosterTable = requireSetting('deviceRosterTable');
  const rosters = new DynamoDeviceRosters(orgDynamoClients(), rosterTable);
  const logs = new DynamoDeviceLogs(orgDynamoClients(), requireSetting('deviceLogTable'));
  const rosterVerifier = new RosterVerifier(authenticationKeys());
  const reader = new DynamoDeviceRequest(orgDynamoClients(), { ...userTables(), rosters: rosterTable });
  const userAuthenticator: UserAuthenticator = { reader: userReader(userTables()), clock };
  const deviceAuth: DeviceAuth = {
    authenticator: new DeviceAuthenticator(reader, logs, rosterVerifier, keyringVerifier()),
    clock,
    hosts: configuredHosts(),
  };
  const pairings = new PairingService(new DynamoPairings(orgDynamoClients(), rosterTable), clock);
  return {
    userAuthenticator,
    deviceAuth,
    vaults: new DeviceVaultService({ rosters, logs, rosterVerifier, clock }),
    log: new DeviceLogService({ rosters, logs, rosterVerifier, pairings }),
    pairings,
  };
}
