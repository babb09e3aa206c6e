/**
 * Receives webhooks (docs/channels.md). It verifies the signature before any other step and enqueues each message once.
 */
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

/** The result of a verified request. */
export interface WebhookResult {
  readonly response: WebhookResponse;
  /** IDs of the request's messages, including those that were received before. */
  readonly messages: readonly string[];
  /** Why a verified request was not accepted as a message. */
  readonly reason?: 'sender_unverified' | undefined;
}

/** A request with a verified signature. */
interface VerifiedWebhook {
  /** Whether the request contains messages. Other signed requests do not access data. */
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
   * Verifies that a request is from the provider.
   * @throws VaultError `signature_refused` for every cause of a failed verification; `unavailable`
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
            // Messages are enqueued sequentially. A delivery has few of them, and after the first failure the provider
            // sends all of them again.
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

  /**
   * Enqueues the job of a message unless it is already queued. @throws VaultError `signature_refused`, `unavailable`
   */
  async #enqueueOnce(org: string, name: ChannelName, message: InboundMessage, now: Date): Promise<string> {
    const { deliveries, channelProviders, routingMacs, jobProducer } = this.#deps;
    const { replayableSeconds } = channelProviders[name];
    const nowSeconds = Math.ceil(now.getTime() / 1000);
    // The extra hour allows for clock differences and for provider requests that wait in one of our queues.
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
    // If this write fails, a retry sends the job again with the same ID. The queue or the worker detects the duplicate.
    await deliveries.markQueued(org, deliveryKey);
    return claimed.job;
  }
}

/** Appended to a truncated text. */
const truncationMark = ' […]';

/** Truncates a text to limits.messageBytes bytes of UTF-8, at a character boundary, and appends a mark. */
export function truncateMessage(text: string): string {
  if (Buffer.byteLength(text) <= limits.messageBytes) return text;
  let bytes = 0;
  let end = 0;
  // Each UTF-16 code unit takes at least one byte, so the kept text has at most messageBytes units. The 64 extra units
  // show where its last character ends.
  for (const { index, segment } of new Intl.Segmenter().segment(text.slice(0, limits.messageBytes + 64))) {
    bytes += Buffer.byteLength(segment);
    if (bytes > limits.messageBytes) break;
    end = index + segment.length;
  }
  // A single character (grapheme cluster) can exceed the limit. It is then cut.
  const kept = end > 0 ? text.slice(0, end) : text.slice(0, Math.floor(limits.messageBytes / 3));
  return kept.toWellFormed() + truncationMark;
}
