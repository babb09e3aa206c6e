/** The rules of webhooks (docs/channels.md): nothing happens before a signature holds, and a message is taken once. */
import { hash, randomBytes } from 'node:crypto';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { locatorMacInput } from '../../core/users/slot-mac-inputs.ts';
import type {
  ChannelCredentialsReader,
  ChannelName,
  ChannelProviders,
  InboundMessage,
  ProviderHttp,
  WebhookRequest,
  WebhookResponse,
} from '../channels/channel-ports.ts';
import type { JobProducer } from '../jobs/job-producer.ts';
import type { Clock } from '../shared/ports.ts';
import type { RoutingMacs } from '../users/user-ports.ts';
import type { DeliveryStore } from './conversation-ports.ts';
import type { MessageJobPayload } from './message-job.ts';

/** What a verified request came to. */
export interface WebhookResult {
  readonly response: WebhookResponse;
  /** Ids of its messages; those that were seen before too. */
  readonly messages: readonly string[];
  /** Why something verified was not taken. */
  readonly reason?: 'sender_unverified' | undefined;
}

/** A request whose signature held. */
interface VerifiedWebhook {
  /** Whether it brings messages: what else is signed touches no data. */
  readonly hasMessages: boolean;
  enqueueMessages(): Promise<WebhookResult>;
}

export interface WebhookReceiverDeps {
  readonly channelCredentials: ChannelCredentialsReader;
  readonly channelProviders: ChannelProviders;
  readonly providerHttp: ProviderHttp;
  readonly deliveries: DeliveryStore;
  readonly routingMacs: RoutingMacs;
  readonly jobProducer: Pick<JobProducer, 'send'>;
  readonly clock: Clock;
}

export class WebhookReceiver {
  readonly #deps: WebhookReceiverDeps;

  constructor(deps: WebhookReceiverDeps) {
    this.#deps = deps;
  }

  /**
   * Verifies a request.
   * @throws VaultError `signature_refused` for every cause for which it is not the provider's; `unavailable`
   */
  async verify(org: string, name: ChannelName, request: WebhookRequest): Promise<VerifiedWebhook> {
    const { channelCredentials, channelProviders, providerHttp, clock } = this.#deps;
    if (!isOpaqueId(org)) throw new VaultError('signature_refused');
    const provider = channelProviders[name];
    const now = clock();
    const account = provider.accountFor(await channelCredentials.getCredentials(org, name), providerHttp);
    const content = await account?.verifyAndParse(request, now);
    if (content === undefined) throw new VaultError('signature_refused');
    const toResult = (received: Partial<WebhookResult>) => ({
      response: provider.acceptedResponse,
      messages: [],
      ...received,
    });
    switch (content.kind) {
      case 'messages':
        return {
          hasMessages: true,
          enqueueMessages: async () => {
            const ids: string[] = [];
            // One after the other: a delivery has few, and the first that fails makes the provider send all again.
            for (const message of content.messages) ids.push(await this.#enqueueOnce(org, name, message, now));
            return toResult({ messages: ids });
          },
        };
      case 'challenge':
        return { hasMessages: false, enqueueMessages: async () => toResult({ response: content.answer }) };
      case 'refused':
        return { hasMessages: false, enqueueMessages: async () => toResult({ reason: content.reason }) };
      case 'nothing':
        return { hasMessages: false, enqueueMessages: async () => toResult({}) };
    }
  }

  /** Sees to it that the job of a message is in the queue, once. @throws VaultError `signature_refused`, `unavailable` */
  async #enqueueOnce(org: string, name: ChannelName, message: InboundMessage, now: Date): Promise<string> {
    const { deliveries, channelProviders, routingMacs, jobProducer } = this.#deps;
    const { replayableSeconds } = channelProviders[name];
    const nowSeconds = Math.ceil(now.getTime() / 1000);
    // An hour more than needed: clocks differ, and a provider's request may lie in a queue of ours.
    const ttl = replayableSeconds === undefined ? undefined : nowSeconds + replayableSeconds + 3_600;
    const deliveryKey = `${name}/${hash('sha256', message.deliveryId, 'base64url')}`;
    if (message.token !== undefined) {
      const tokenKey = `${name}-token/${hash('sha256', message.token, 'base64url')}`;
      if (!(await deliveries.claimToken(org, tokenKey, deliveryKey, ttl))) throw new VaultError('signature_refused');
    }
    const claimed = await deliveries.claim(org, deliveryKey, createTimeId(now.getTime(), randomBytes(16)), ttl);
    if (claimed.state === 'queued') return claimed.job;
    const { identity, shared, replyTo } = message;
    const locator = await routingMacs.deriveLocator(locatorMacInput(org, identity));
    const text = truncateMessage(message.text.toWellFormed());
    const job: MessageJobPayload = { kind: 'message', channel: name, identity, locator, text, shared, replyTo };
    await jobProducer.send(org, claimed.job, job, locator);
    // If this is lost, a retry sends the job once more under the same id, which the queue or the worker then knows.
    await deliveries.markQueued(org, deliveryKey);
    return claimed.job;
  }
}

/** What is put after a text that was cut. */
const truncationMark = ' […]';

/** A text of at most limits.messageBytes bytes of UTF-8; of a longer one its beginning, between two characters, and a mark. */
export function truncateMessage(text: string): string {
  if (Buffer.byteLength(text) <= limits.messageBytes) return text;
  let bytes = 0;
  let end = 0;
  // A unit takes a byte at least, so what is kept ends within so many; some more tell where its last character ends.
  for (const { index, segment } of new Intl.Segmenter().segment(text.slice(0, limits.messageBytes + 64))) {
    bytes += Buffer.byteLength(segment);
    if (bytes > limits.messageBytes) break;
    end = index + segment.length;
  }
  // One character can be longer than all there is room for.
  const kept = end > 0 ? text.slice(0, end) : text.slice(0, Math.floor(limits.messageBytes / 3));
  return kept.toWellFormed() + truncationMark;
}
