/** Composes the function `webhooks`. */
import { channelProviders } from '../channels/providers/provider-registry.ts';
import { DynamoDeliveries } from '../conversations/stores/dynamo-deliveries.ts';
import { WebhookReceiver } from '../conversations/webhook-receiver.ts';
import { clock, orgDynamoClients, requireSetting } from './common.ts';
import { channelCredentials, jobSender, providerHttp, routingMacs } from './user-stores.ts';

export function createWebhookServices() {
  const webhookReceiver = new WebhookReceiver({
    channelCredentials: channelCredentials(),
    channelProviders,
    providerHttp: providerHttp(),
    deliveries: new DynamoDeliveries(orgDynamoClients(), requireSetting('deliveryTable')),
    routingMacs: routingMacs(),
    jobProducer: jobSender(),
    clock,
  });
  return { webhookReceiver, publicUrl: requireSetting('publicUrl') };
}
