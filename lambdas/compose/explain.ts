/** Composes the function `explainer`. */
import { DynamoApiKeys } from '../api-keys/stores/dynamo-api-keys.ts';
import { RosterVerifier } from '../devices/roster-verifier.ts';
import { DynamoDeviceRosters } from '../devices/stores/dynamo-device-rosters.ts';
import { VerifiedRosterReader } from '../devices/verified-roster-reader.ts';
import { DirectoryReader } from '../directory/directory-reader.ts';
import { SessionFactsReader } from '../directory/session-facts-reader.ts';
import { DynamoConversations } from '../directory/stores/dynamo-conversations.ts';
import { DynamoDirectory } from '../directory/stores/dynamo-directory.ts';
import { DynamoSnapshots } from '../directory/stores/dynamo-snapshots.ts';
import { ExplainService } from '../explain/explain-service.ts';
import { IamGrants } from '../explain/iam-grants.ts';
import { DynamoValueMetadata } from '../explain/stores/dynamo-value-metadata.ts';
import { LoginRecordVerifier } from '../logins/login-record-verifier.ts';
import { DynamoLogins } from '../logins/stores/dynamo-logins.ts';
import { unavailableKek } from '../org-keys/keyring-opener.ts';
import type { UserAuthenticator } from '../users/middleware/authenticate-user.ts';
import {
  apiKeyVerifier,
  authenticationKeys,
  clock,
  createApiKeyAuth,
  createKeyringOpener,
  orgDynamoClients,
  orgMarks,
  requestRecordTables,
  requireSetting,
} from './common.ts';
import { authenticatedBlobs } from './stores.ts';
import { recordTables, userReader } from './user-stores.ts';

/** It reads metadata and uses no key. It cannot perform the accesses that it reports. */
export function createExplainerServices() {
  const userAuthenticator: UserAuthenticator = {
    reader: userReader(recordTables()),
    clock,
  };
  const stores = {
    values: new DynamoValueMetadata(orgDynamoClients(), requireSetting('valueTable')),
    apiKeys: new DynamoApiKeys(orgDynamoClients(), requireSetting('apiKeyTable')),
    blobs: authenticatedBlobs(),
    users: userAuthenticator.reader,
    deviceRosters: new VerifiedRosterReader(
      new DynamoDeviceRosters(orgDynamoClients(), requireSetting('deviceRosterTable')),
      new RosterVerifier(authenticationKeys()),
    ),
    sessions: sessionFacts(),
    logins: new DynamoLogins(orgDynamoClients(), requireSetting('loginTable')),
  };
  const verifiers = { apiKeys: apiKeyVerifier(), logins: new LoginRecordVerifier(authenticationKeys(), orgMarks()) };
  const explainService = new ExplainService(stores, verifiers, new IamGrants(requireSetting('grants')), clock);
  return {
    apiKeyAuth: createApiKeyAuth(requestRecordTables(), createKeyringOpener(unavailableKek)),
    userAuthenticator,
    explainService,
  };
}

function sessionFacts(): SessionFactsReader {
  const tables = { keyrings: requireSetting('keyringTable'), directory: requireSetting('directoryTable') };
  const reader = new DirectoryReader(
    new DynamoDirectory(orgDynamoClients(), tables),
    new DynamoSnapshots(orgDynamoClients(), tables.directory),
    authenticationKeys(),
  );
  return new SessionFactsReader(reader, new DynamoConversations(orgDynamoClients(), tables.directory), clock);
}
