/** Composes the function `provider-secrets`. */
import { ChannelSecrets } from '../channels/channel-credentials.ts';
import { readChannelValue } from '../channels/stores/dynamo-channel-credentials.ts';
import { KeyringOpener } from '../org-keys/keyring-opener.ts';
import { clock, orgDynamoClients, requireSetting } from './common.ts';
import { kek } from './stores.ts';

/** The one function of org custody that serves conversations: with secrets of channels, and nothing of users. */
export function createProviderSecretsServices() {
  const read = readChannelValue(orgDynamoClients(), {
    keyrings: requireSetting('keyringTable'),
    values: requireSetting('valueTable'),
  });
  return { secrets: new ChannelSecrets(read, new KeyringOpener(kek(), clock), clock) };
}
