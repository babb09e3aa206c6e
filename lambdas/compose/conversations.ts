/** Composes the function `webhooks`. */
import { channels } from '../channels/providers/provider-registry.ts';
import { DynamoDeliveries } from '../conversations/stores/dynamo-deliveries.ts';
import { Receiving } from '../conversations/webhook-receiver.ts';
import { clock, orgDynamoClients, requireSetting } from './common.ts';
import { carrier, channelSecrets, jobSender, routingMacs } from './user-stores.ts';

export function createWebhookServices() {
  const receiving = new Receiving({
    secrets: channelSecrets(),
    channels,
    carrier: carrier(),
    deliveries: new DynamoDeliveries(orgDynamoClients(), requireSetting('deliveryTable')),
    routing: routingMacs(),
    jobs: jobSender(),
    clock,
  });
  return { receiving, publicUrl: requireSetting('publicUrl') };
}
