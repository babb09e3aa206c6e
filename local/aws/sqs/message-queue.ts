/**
 * A queue by the rules of SQS: what can be received, by whom it is hidden, when it comes back or goes away.
 * Source: SQS developer guide, "FIFO queue delivery logic", "Exactly-once processing", "Visibility timeout", "Dead-letter
 * queues".
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { QueueSpec } from '../cloudformation/deployment-spec.ts';
import { ServiceError } from '../shared/errors.ts';
import type { MessageRecord, MessageStore } from './message-store.ts';

/** For so long a FIFO queue knows a deduplication id, whether or not its message is still there. */
const deduplicationMs = 300_000;
const purgeIntervalMs = 60_000;

export interface QueueOptions {
  readonly spec: QueueSpec;
  readonly store: MessageStore;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** What a second of a visibility timeout or of a delay takes, in seconds. */
  readonly timeScale: number;
  /** Takes what was received too often; asked then. */
  readonly deadLetters: () => SqsQueue | undefined;
}

export interface NewMessage {
  readonly body: string;
  readonly groupId: string | undefined;
  readonly deduplicationId: string | undefined;
  readonly senderId: string;
  /** Seconds; the queue's own unless told. */
  readonly delay: number | undefined;
}

export type ReceivedMessage = MessageRecord & { readonly body: string; readonly receipt: string };
type LiveMessage = MessageRecord & { readonly body: string };

export class SqsQueue {
  readonly spec: QueueSpec;
  readonly createdAt: number;
  readonly #options: QueueOptions;
  /** Messages by id, in the order of sending. */
  readonly #messages = new Map<string, LiveMessage>();
  /** First sends by deduplication key, in the order of sending. */
  readonly #deduplicated = new Map<string, MessageRecord>();
  /** Ids of messages that stay hidden beyond their time. */
  readonly #keptHidden = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #lastSequence = 0;
  #purgedAt = Number.NEGATIVE_INFINITY;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.spec = options.spec;
    this.createdAt = options.now();
    for (const record of options.store.load()) this.#loadRecord(record);
  }

  /** Enqueues a message; one that a FIFO queue has had within five minutes is answered with the first, and not enqueued. */
  send({ delay = this.spec.DelaySeconds, ...message }: NewMessage): MessageRecord {
    this.#removeExpired();
    const earlier = this.#deduplicated.get(this.#deduplicationKey(message) ?? '');
    if (earlier !== undefined) return earlier;
    const now = this.#options.now();
    return this.#enqueue({
      ...message,
      messageId: randomUUID(),
      sequence: 0,
      sentAt: now,
      hiddenUntil: now + this.#scaled(delay),
      receiveCount: 0,
    });
  }

  /** Up to `max` messages in order, each hidden for so many seconds. Of a group in flight a FIFO queue gives none. */
  receive(max: number, visibility: number): ReceivedMessage[] {
    this.#removeExpired();
    const now = this.#options.now();
    const received: ReceivedMessage[] = [];
    for (const record of this.#visible()) {
      if (received.length === max) break;
      const { deadLetters } = this.spec;
      if (deadLetters !== undefined && record.receiveCount >= deadLetters.afterReceives) {
        this.#moveToDeadLetters(record);
        continue;
      }
      const taken = {
        ...record,
        hiddenUntil: now + this.#scaled(visibility),
        receiveCount: record.receiveCount + 1,
        firstReceivedAt: record.firstReceivedAt ?? now,
        receipt: Buffer.from(`${record.messageId}:${randomBytes(24).toString('hex')}`).toString('base64'),
      };
      this.#put(taken);
      received.push(taken);
    }
    if (received.length > 0) this.#notifyListeners();
    return received;
  }

  /**
   * Deletes the message of a receipt. Of a standard queue an outdated one deletes nothing and is no error.
   * @throws ServiceError
   */
  delete(receipt: string): void {
    const record = this.#findByReceipt(receipt);
    if (record === undefined) return;
    if (record.receipt === receipt && (!this.spec.FifoQueue || this.#isHidden(record))) this.#remove(record);
    else if (this.spec.FifoQueue) throw expiredReceipt(receipt);
    this.#notifyListeners();
  }

  /** @throws ServiceError `MessageNotInflight` */
  changeVisibility(receipt: string, seconds: number): void {
    const record = this.#findByReceipt(receipt);
    if (record === undefined || record.receipt !== receipt || !this.#isHidden(record)) {
      throw new ServiceError('MessageNotInflight', 'The message referred to is not in flight.');
    }
    this.#put({ ...record, hiddenUntil: this.#options.now() + this.#scaled(seconds) });
    this.#notifyListeners();
  }

  /** @throws ServiceError `PurgeQueueInProgress` within a minute of the last */
  purge(): void {
    const now = this.#options.now();
    if (now < this.#purgedAt + purgeIntervalMs) {
      throw new ServiceError('PurgeQueueInProgress', 'Only one PurgeQueue operation is allowed every 60 seconds.', 403);
    }
    this.#purgedAt = now;
    for (const record of [...this.#messages.values()]) this.#remove(record);
    this.#notifyListeners();
  }

  /** How many messages can be received, were received, and wait for their delay. */
  counts(): { readonly waiting: number; readonly inFlight: number; readonly delayed: number } {
    this.#removeExpired();
    const hidden = [...this.#messages.values()].filter((record) => this.#isHidden(record));
    const inFlight = hidden.filter(({ receiveCount }) => receiveCount > 0).length;
    return { waiting: this.#messages.size - hidden.length, inFlight, delayed: hidden.length - inFlight };
  }

  /** Whether a receive would give something, or set it aside. */
  get hasVisible(): boolean {
    this.#removeExpired();
    return this.#visible().length > 0;
  }

  get isEmpty(): boolean {
    this.#removeExpired();
    return this.#messages.size === 0;
  }

  /** When the next hidden message comes back, milliseconds since the epoch; undefined when none will by itself. */
  get nextVisibleAt(): number | undefined {
    const times = [...this.#messages.values()]
      .filter((record) => this.#isHidden(record) && !this.#keptHidden.has(record.messageId))
      .map(({ hiddenUntil }) => hiddenUntil);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /**
   * Keeps messages hidden until they are let go. The timeout alone does so at AWS, where it outlasts the function; here it
   * may be scaled and the function is not.
   */
  keepHidden(messageIds: readonly string[]): void {
    for (const id of messageIds) this.#keptHidden.add(id);
  }

  stopKeepingHidden(messageIds: readonly string[]): void {
    for (const id of messageIds) this.#keptHidden.delete(id);
    this.#notifyListeners();
  }

  /** Makes what is in flight visible again: for a start, when those who received it are gone. */
  showInFlight(): void {
    const now = this.#options.now();
    for (const record of [...this.#messages.values()]) {
      if (record.receiveCount > 0 && record.hiddenUntil > now) this.#put({ ...record, hiddenUntil: now });
    }
    this.#notifyListeners();
  }

  /** Told of every change but of the passing of time. Returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A message of another queue, which keeps its id: a second time is the first. */
  #acceptDeadLetter(record: LiveMessage, source: string): void {
    if (this.#messages.has(record.messageId)) return;
    const { receipt: _, firstReceivedAt: __, ...message } = record;
    const now = this.#options.now();
    // A standard queue goes on counting the time that it keeps a message from the first queue.
    const sentAt = this.spec.FifoQueue ? now : record.sentAt;
    this.#enqueue({ ...message, deadLetterSource: source, sentAt, hiddenUntil: now, receiveCount: 0 });
  }

  #moveToDeadLetters(record: LiveMessage): void {
    const target = this.#options.deadLetters();
    if (target === undefined) throw new Error(`${this.spec.queueName} has lost its dead-letter queue.`);
    target.#acceptDeadLetter(record, this.spec.queueArn);
    this.#remove(record);
    this.#notifyListeners();
  }

  #enqueue(message: LiveMessage): MessageRecord {
    const record = { ...message, sequence: Math.max(this.#lastSequence + 1, message.sentAt * 1000) };
    this.#options.store.put(record);
    this.#loadRecord(record);
    this.#notifyListeners();
    return record;
  }

  /** Brings a stored record into memory. */
  #loadRecord(record: MessageRecord): void {
    this.#lastSequence = Math.max(this.#lastSequence, record.sequence);
    const { body } = record;
    if (body !== null) this.#messages.set(record.messageId, { ...record, body });
    const key = this.#deduplicationKey(record);
    if (key === undefined) return;
    this.#deduplicated.delete(key);
    this.#deduplicated.set(key, record);
  }

  #put(record: LiveMessage): void {
    this.#options.store.put(record);
    this.#messages.set(record.messageId, record);
  }

  #remove(record: LiveMessage): void {
    this.#messages.delete(record.messageId);
    const isRemembered = this.#deduplicated.get(this.#deduplicationKey(record) ?? '')?.messageId === record.messageId;
    if (isRemembered) this.#options.store.put({ ...record, body: null });
    else this.#options.store.remove(record);
  }

  /** Drops what was kept too long, and deduplication ids whose time is over. */
  #removeExpired(): void {
    const now = this.#options.now();
    for (const [key, record] of this.#deduplicated) {
      if (record.sentAt + deduplicationMs > now) break;
      this.#deduplicated.delete(key);
      if (!this.#messages.has(record.messageId)) this.#options.store.remove(record);
    }
    for (const record of this.#messages.values()) {
      if (record.sentAt + this.spec.MessageRetentionPeriod * 1000 <= now) this.#remove(record);
    }
  }

  #visible(): LiveMessage[] {
    const records = [...this.#messages.values()];
    const inFlight = new Set(records.filter((one) => this.#isHidden(one)).map(({ groupId }) => groupId));
    return records.filter((one) => !this.#isHidden(one) && !(this.spec.FifoQueue && inFlight.has(one.groupId)));
  }

  #isHidden = ({ messageId, hiddenUntil }: MessageRecord): boolean =>
    hiddenUntil > this.#options.now() || this.#keptHidden.has(messageId);

  /** The message that a receipt is of, be it the latest one or not. */
  #findByReceipt(receipt: string): LiveMessage | undefined {
    const [messageId = '', nonce] = Buffer.from(receipt, 'base64').toString('latin1').split(':');
    if (nonce === undefined || !/^[\da-f-]{36}$/.test(messageId)) {
      throw new ServiceError('ReceiptHandleIsInvalid', `The input receipt handle "${receipt}" is invalid.`, 404);
    }
    return this.#messages.get(messageId);
  }

  #deduplicationKey({ groupId, deduplicationId }: Pick<MessageRecord, 'groupId' | 'deduplicationId'>) {
    if (deduplicationId === undefined) return undefined;
    return JSON.stringify(
      this.spec.DeduplicationScope === 'messageGroup' ? [groupId, deduplicationId] : deduplicationId,
    );
  }

  #scaled(seconds: number): number {
    return seconds * 1000 * this.#options.timeScale;
  }

  #notifyListeners(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

const expiredReceipt = (receipt: string) =>
  new ServiceError(
    'InvalidParameterValue',
    `Value ${receipt} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.`,
  );
