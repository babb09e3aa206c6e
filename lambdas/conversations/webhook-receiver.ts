/**
 * Receives webhooks (docs/channels.md). It verifies the signature before any other step and enqueues each message once.
 */
import { hash, randomBytes } from 'node:crypto';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { locatorMacInput } from '../../core/users/slot-mac-inputs.ts';
import type {
  ChannelCredentialsReader,
  ChannelName,
  ChannelProviders,
  IgnoreReason,
  InboundMessage,
  Notice,
  ProviderHttp,
  WebhookContent,
  WebhookRequest,
  WebhookResponse,
} from '../channels/channel-ports.ts';
import type { JobProducer } from '../jobs/job-producer.ts';
import type { Clock } from '../shared/ports.ts';
import type { RoutingMacs } from '../users/user-ports.ts';
import type { DeliveryStore } from './conversation-ports.ts';
import type { MessageJobPayload } from './message-job.ts';
import { truncateMessage } from './message-text.ts';
import type { ReceivedMediaKeeper } from './received-media.ts';

/** The result of a verified request. */
export interface WebhookResult {
  readonly response: WebhookResponse;
  /** IDs of the request's messages, including those that were received before. */
  readonly messages: readonly string[];
  /** Why a verified request was not accepted as a message. */
  readonly reason?: IgnoreReason | undefined;
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
  readonly receivedMedia: Pick<ReceivedMediaKeeper, 'keep'>;
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
    const response = content.kind === 'challenge' ? content.answer : provider.acceptedResponse;
    const { messages, notices, reason } = sortContent(content);
    return {
      hasMessages: messages.length > 0,
      enqueueMessages: async () => {
        const ids = await inOrder(messages, (message) => this.#enqueueOnce(org, name, message, now));
        await inOrder(notices, (notice) => this.#enqueueNotice(org, name, notice, now));
        return { response, messages: ids, ...(reason === undefined ? {} : { reason }) };
      },
    };
  }

  /**
   * Enqueues the job of a message unless it is already queued. @throws VaultError `signature_refused`, `unavailable`
   */
  async #enqueueOnce(org: string, name: ChannelName, message: InboundMessage, now: Date): Promise<string> {
    const { deliveries, channelProviders, receivedMedia } = this.#deps;
    const { replayableSeconds } = channelProviders[name];
    const nowSeconds = Math.ceil(now.getTime() / 1000);
    // The extra hour allows for clock differences and for provider requests that wait in one of our queues.
    const ttl = replayableSeconds === undefined ? undefined : nowSeconds + replayableSeconds + 3_600;
    const deliveryKeys = [message.deliveryId, ...(message.furtherIds ?? [])].map(
      (id) => `${name}/${hash('sha256', id, 'base64url')}`,
    );
    if (message.token !== undefined) {
      const tokenKey = `${name}-token/${hash('sha256', message.token, 'base64url')}`;
      if (!(await deliveries.claimToken(org, tokenKey, deliveryKeys[0] ?? '', ttl)))
        throw new VaultError('signature_refused');
    }
    const claimed = await this.#claimAll(org, deliveryKeys, createTimeId(now.getTime(), randomBytes(16)), ttl);
    if (claimed.queued) return claimed.job;
    const { identity, subject, original, carrierKeyword, shared, replyTo } = message;
    const job = {
      kind: 'message',
      channel: name,
      identity,
      text: truncateMessage((message.text.trim() === '' ? (subject ?? '') : message.text).toWellFormed()),
      ...(subject === undefined ? {} : { subject }),
      ...(original === undefined ? {} : { original: truncateMessage(withoutControls(original)) }),
      ...(message.media === undefined ? {} : { media: await receivedMedia.keep(org, message.media) }),
      ...(carrierKeyword === undefined ? {} : { carrierKeyword }),
      shared,
      replyTo,
    } as const;
    await this.#send(org, claimed.job, job);
    // If a write fails, a retry sends the job again with the same ID. The queue or the worker detects the duplicate.
    for (const key of deliveryKeys) await deliveries.markQueued(org, key);
    return claimed.job;
  }

  /**
   * Claims all IDs of a message for one job. If one of them was claimed before, the job is the one of that claim. It is
   * queued if any of the IDs is.
   */
  async #claimAll(org: string, keys: readonly string[], newJob: string, ttl: number | undefined) {
    let job = newJob;
    let queued = false;
    for (const key of keys) {
      const claimed = await this.#deps.deliveries.claim(org, key, job, ttl);
      job = claimed.job;
      queued ||= claimed.state === 'queued';
    }
    return { job, queued };
  }

  /** Enqueues a hint, at most once per sender, kind and day. The item of the delivery table is the limit. */
  async #enqueueNotice(org: string, name: ChannelName, { kind, sender, replyTo }: Notice, now: Date): Promise<void> {
    const { deliveries } = this.#deps;
    const day = now.toISOString().slice(0, 10);
    const key = `${name}-notice/${hash('sha256', `${kind} ${day} ${sender}`, 'base64url')}`;
    const ttl = Math.ceil(now.getTime() / 1000) + 2 * 86_400;
    const claimed = await deliveries.claim(org, key, createTimeId(now.getTime(), randomBytes(16)), ttl);
    if (claimed.state === 'queued') return;
    const job = { kind: 'message', channel: name, identity: sender, text: '', notice: kind, shared: false, replyTo };
    await this.#send(org, claimed.job, { ...job, kind: 'message' });
    await deliveries.markQueued(org, key);
  }

  /** Sends a job. Jobs of one sender are handled in order. */
  async #send(org: string, id: string, job: Omit<MessageJobPayload, 'locator'>): Promise<void> {
    const locator = await this.#deps.routingMacs.deriveLocator(locatorMacInput(org, job.identity));
    await this.#deps.jobProducer.send<MessageJobPayload>(org, id, { ...job, locator }, locator);
  }
}

const isEmpty = ({ text, subject = '', media = [] }: InboundMessage): boolean =>
  text.trim() === '' && subject.trim() === '' && media.length === 0;

/** Messages that contain nothing are not enqueued; their senders receive a hint. */
function sortContent(content: WebhookContent) {
  if (content.kind === 'challenge') return { messages: [], notices: [], reason: undefined };
  const { notices = [], reason } = content;
  if (content.kind === 'nothing') return { messages: [], notices, reason };
  const empty = content.messages.filter(isEmpty);
  const hints = empty.map(
    ({ identity, replyTo }): Notice => ({ kind: 'message-unsupported', sender: identity, replyTo }),
  );
  return {
    messages: content.messages.filter((message) => !isEmpty(message)),
    notices: [...notices, ...hints],
    reason: reason ?? (empty.length > 0 ? ('message_unsupported' as const) : undefined),
  };
}

/**
 * Runs a function for each item, in order. A failure does not stop the later ones: one message must not silence those
 * after it.
 * @throws the first failure, after all items. The provider then sends all of them again
 */
async function inOrder<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<readonly R[]> {
  const settled: PromiseSettledResult<R>[] = [];
  for (const item of items) settled.push(...(await Promise.allSettled([run(item)])));
  return settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}

/** JSON needs six bytes for a control character. Without them, a job has a bounded size. */
const withoutControls = (text: string): string => text.toWellFormed().replace(/[^\P{Cc}\n\t]+/gu, '');
