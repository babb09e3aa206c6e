/** Composes the function `secret-requests`. */
import { createViewerAddress } from '../middleware/viewer-address.ts';
import { FirstDekCreator } from '../org-keys/keyring-opener.ts';
import { SecretLinkService } from '../secret-requests/secret-link-service.ts';
import { SecretRequestService } from '../secret-requests/secret-request-service.ts';
import { DynamoRequestedValues } from '../secret-requests/stores/dynamo-requested-values.ts';
import { attemptItemId, DynamoSecretRequests } from '../secret-requests/stores/dynamo-secret-requests.ts';
import { kmsSecretRequestMacs } from '../secret-requests/stores/kms-secret-request-key.ts';
import { DynamoAttempts } from '../shared/stores/dynamo-attempts.ts';
import {
  authenticationKeys,
  clock,
  createApiKeyAuth,
  createKeyringOpener,
  orgDynamoClients,
  requestRecordTables,
  requireSetting,
  unscopedKmsClient,
} from './common.ts';
import { kek, keyrings } from './stores.ts';

export function createSecretRequestServices() {
  const orgKek = kek();
  const keyringOpener = createKeyringOpener(orgKek);
  const table = requireSetting('secretRequestTable');
  const requests = new DynamoSecretRequests(orgDynamoClients(), {
    requests: table,
    keyrings: requireSetting('keyringTable'),
  });
  const values = new DynamoRequestedValues(orgDynamoClients(), requireSetting('valueTable'));
  const macs = kmsSecretRequestMacs(unscopedKmsClient(), requireSetting('secretRequestKeyId'));
  const apiKeyAuth = createApiKeyAuth(requestRecordTables(), keyringOpener);
  const shared = { requests, values, macs, clock };
  return {
    apiKeyAuth,
    requests: new SecretRequestService({
      ...shared,
      attempts: new DynamoAttempts(orgDynamoClients(), table, attemptItemId),
      keys: authenticationKeys(),
      pageUrl: requireSetting('pageUrl'),
    }),
    links: new SecretLinkService({
      ...shared,
      keyringOpener,
      apiKeys: apiKeyAuth,
      firstDekCreator: new FirstDekCreator(orgKek, authenticationKeys(), keyrings(), clock),
    }),
    viewerAddress: createViewerAddress(requireSetting('originSecretHash')),
  };
}
