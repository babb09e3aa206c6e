/** Composes the function `webhooks`. */
import { channelProviders } from '../channels/providers/provider-registry.ts';
import { ReceivedMediaKeeper } from '../conversations/received-media.ts';
import { DynamoDeliveries } from '../conversations/stores/dynamo-deliveries.ts';
import { S3ReceivedMedia } from '../conversations/stores/s3-received-media.ts';
import { WebhookReceiver } from '../conversations/webhook-receiver.ts';
import { clock, orgDynamoClients, orgS3ObjectClients, requireSetting } from './common.ts';
import { channelCredentials, jobSender, providerHttp, routingMacs } from './user-stores.ts';

export function createWebhookServices() {
  const webhookReceiver = new WebhookReceiver({
    channelCredentials: channelCredentials(),
    channelProviders,
    providerHttp: providerHttp(),
    deliveries: new DynamoDeliveries(orgDynamoClients(), requireSetting('deliveryTable')),
    routingMacs: routingMacs(),
    jobProducer: jobSender(),
    receivedMedia: new ReceivedMediaKeeper(new S3ReceivedMedia(orgS3ObjectClients(), requireSetting('blobBucket'))),
    clock,
  });
  return { webhookReceiver, publicUrl: requireSetting('publicUrl') };
}
