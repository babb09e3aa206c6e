import { giveChannelSecrets } from '../channels/handlers/get-channel-credentials.ts';
import { log } from '../compose/common.ts';
import { providerSecretsHost } from '../compose/org-functions.ts';

const { secrets } = providerSecretsHost();

export const handler = giveChannelSecrets(log(), secrets);
