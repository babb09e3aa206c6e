/** The rules of webhooks (docs/channels.md): nothing happens before a signature holds, and a message is taken once. */
import { hash, randomBytes } from 'node:crypto';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { locatorMacInput } from '../../core/users/slot-mac-inputs.ts';
import type {
  Carrier,
  ChannelName,
  Channels,
  HookAnswer,
  HookRequest,
  InboundMessage,
  ProviderSecrets,
} from '../channels/channel-ports.ts';
import type { JobSender } from '../jobs/job-producer.ts';
import type { Clock } from '../shared/ports.ts';
import type { RoutingMacs } from '../users/user-ports.ts';
import type { DeliveryStore } from './conversation-ports.ts';
import type { MessageJob } from './message-job.ts';

/** What a verified request came to. */
export interface Received {
  readonly answer: HookAnswer;
  /** Ids of its messages; those that were seen before too. */
  readonly messages: readonly string[];
  /** Why something verified was not taken. */
  readonly reason?: 'sender_unverified' | undefined;
}

/** A request whose signature held. */
interface Proven {
  /** Whether it brings messages: what else is signed touches no data. */
  readonly hasMessages: boolean;
  take(): Promise<Received>;
}

export interface ReceivingParts {
  readonly secrets: ProviderSecrets;
  readonly channels: Channels;
  readonly carrier: Carrier;
  readonly deliveries: DeliveryStore;
  readonly routing: RoutingMacs;
  readonly jobs: Pick<JobSender, 'send'>;
  readonly clock: Clock;
}

export class Receiving {
  readonly #parts: ReceivingParts;

  constructor(parts: ReceivingParts) {
    this.#parts = parts;
  }

  /**
   * Verifies a request.
   * @throws VaultError `signature_refused` for every cause for which it is not the provider's; `unavailable`
   */
  async prove(org: string, name: ChannelName, request: HookRequest): Promise<Proven> {
    const { secrets, channels, carrier, clock } = this.#parts;
    if (!isOpaqueId(org)) throw new VaultError('signature_refused');
    const channel = channels[name];
    const now = clock();
    const line = channel.line(await secrets.of(org, name), carrier);
    const reading = await line?.receive(request, now);
    if (reading === undefined) throw new VaultError('signature_refused');
    const answered = (received: Partial<Received>) => ({ answer: channel.accepted, messages: [], ...received });
    switch (reading.kind) {
      case 'messages':
        return {
          hasMessages: true,
          take: async () => {
            const ids: string[] = [];
            // One after the other: a delivery has few, and the first that fails makes the provider send all again.
            for (const message of reading.messages) ids.push(await this.#take(org, name, message, now));
            return answered({ messages: ids });
          },
        };
      case 'challenge':
        return { hasMessages: false, take: async () => answered({ answer: reading.answer }) };
      case 'refused':
        return { hasMessages: false, take: async () => answered({ reason: reading.reason }) };
      case 'nothing':
        return { hasMessages: false, take: async () => answered({}) };
    }
  }

  /** Sees to it that the job of a message is in the queue, once. @throws VaultError `signature_refused`, `unavailable` */
  async #take(org: string, name: ChannelName, message: InboundMessage, now: Date): Promise<string> {
    const { deliveries, channels, routing, jobs } = this.#parts;
    const { repeatableSeconds } = channels[name];
    const seconds = Math.ceil(now.getTime() / 1000);
    // An hour more than needed: clocks differ, and a provider's request may lie in a queue of ours.
    const ttl = repeatableSeconds === undefined ? undefined : seconds + repeatableSeconds + 3_600;
    const delivery = `${name}/${hash('sha256', message.deliveryId, 'base64url')}`;
    if (message.token !== undefined) {
      const token = `${name}-token/${hash('sha256', message.token, 'base64url')}`;
      if (!(await deliveries.claimToken(org, token, delivery, ttl))) throw new VaultError('signature_refused');
    }
    const claimed = await deliveries.claim(org, delivery, createTimeId(now.getTime(), randomBytes(16)), ttl);
    if (claimed.state === 'queued') return claimed.job;
    const { identity, shared, replyTo } = message;
    const locator = await routing.locator(locatorMacInput(org, identity));
    const text = beginning(message.text.toWellFormed());
    const job: MessageJob = { kind: 'message', channel: name, identity, locator, text, shared, replyTo };
    await jobs.send(org, claimed.job, job, locator);
    // If this is lost, a retry sends the job once more under the same id, which the queue or the worker then knows.
    await deliveries.markQueued(org, delivery);
    return claimed.job;
  }
}

/** What is put after a text that was cut. */
const cutMark = ' […]';

/** A text of at most limits.messageBytes bytes of UTF-8; of a longer one its beginning, between two characters, and a mark. */
export function beginning(text: string): string {
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
  return kept.toWellFormed() + cutMark;
}
