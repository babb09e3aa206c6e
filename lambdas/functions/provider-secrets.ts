import { giveChannelSecrets } from '../channels/handlers/get-channel-credentials.ts';
import { providerSecretsHost } from '../compose/channels.ts';
import { log } from '../compose/common.ts';

const { secrets } = providerSecretsHost();

export const handler = giveChannelSecrets(log(), secrets);
