import { providerSecretsHost } from './compose.ts';
import { log } from './compose-parts.ts';
import { giveChannelSecrets } from './handlers/give-channel-secrets.ts';

const { secrets } = providerSecretsHost();

export const handler = giveChannelSecrets(log(), secrets);
