/** Composes the function `provider-secrets`. */
import { ChannelCredentialsService } from '../channels/channel-credentials-service.ts';
import { readChannelCredentialsFromDynamo } from '../channels/stores/dynamo-channel-credentials.ts';
import { clock, createKeyringOpener, orgDynamoClients, requireSetting } from './common.ts';
import { kek } from './stores.ts';

/**
 * The only function with org keys that takes part in conversations. It has access to channel secrets and to no user
 * data.
 */
export function createProviderSecretsServices() {
  const read = readChannelCredentialsFromDynamo(orgDynamoClients(), {
    keyrings: requireSetting('keyringTable'),
    values: requireSetting('valueTable'),
  });
  return { secrets: new ChannelCredentialsService(read, createKeyringOpener(kek()), clock) };
}
