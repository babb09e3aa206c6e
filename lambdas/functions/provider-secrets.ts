import { getChannelCredentials } from '../channels/handlers/get-channel-credentials.ts';
import { createProviderSecretsServices } from '../compose/channels.ts';
import { createFunctionLog } from '../compose/common.ts';

const { secrets } = createProviderSecretsServices();

export const handler = getChannelCredentials(createFunctionLog(), secrets);
