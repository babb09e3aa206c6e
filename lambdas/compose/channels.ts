/** Composes the function `provider-secrets`. */
import { ChannelSecrets } from '../channels/channel-credentials.ts';
import { readChannelValue } from '../channels/stores/dynamo-channel-credentials.ts';
import { Deks } from '../org-keys/keyring-opener.ts';
import { clock, dynamo, setting } from './common.ts';
import { kek } from './stores.ts';

/** The one function of org custody that serves conversations: with secrets of channels, and nothing of users. */
export function providerSecretsHost() {
  const read = readChannelValue(dynamo(), { keyrings: setting('keyringTable'), values: setting('valueTable') });
  return { secrets: new ChannelSecrets(read, new Deks(kek(), clock), clock) };
}
