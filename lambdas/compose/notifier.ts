/** Composes the function `notifier`. */
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { createConnectionsClient } from '../aws/clients.ts';
import { Notifier } from '../relay/notifier.ts';
import { ApiGatewayConnections } from '../relay/stores/api-gateway-connections.ts';
import { DynamoMailboxes } from '../relay/stores/dynamo-mailboxes.ts';
import { DynamoPush } from '../relay/stores/dynamo-push.ts';
import { DynamoSockets } from '../relay/stores/dynamo-sockets.ts';
import { emulatedNotices, httpsNotices } from '../relay/stores/https-notices.ts';
import { WebPush } from '../relay/web-push.ts';
import { clock, orgDynamoClients, requireSetting, unscopedDynamoClient } from './common.ts';
import { pushSigner } from './stores.ts';

/** It reads ciphertext, and has neither a key of records nor the directory. */
export function createNotifierServices() {
  const table = requireSetting('mailboxTable');
  const providerApis = process.env[functionEnv.providerApis];
  const pushServices = new WebPush({
    signer: pushSigner(),
    contact: requireSetting('pageUrl'),
    // Set only in the local vault.
    post: providerApis === undefined ? httpsNotices() : emulatedNotices(providerApis),
    now: Date.now,
  });
  return {
    notifier: new Notifier({
      messages: new DynamoMailboxes(orgDynamoClients(), table),
      connections: new DynamoSockets(orgDynamoClients(), unscopedDynamoClient(), table),
      gateway: new ApiGatewayConnections(createConnectionsClient(requireSetting('connectionsUrl'))),
      pushes: new DynamoPush(orgDynamoClients(), table),
      pushServices,
      clock,
    }),
  };
}
