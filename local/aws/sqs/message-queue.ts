/**
 * A queue with the semantics of SQS: delivery order, visibility, deduplication, redrive and retention.
 * Source: SQS developer guide, "FIFO queue delivery logic", "Exactly-once processing", "Visibility timeout",
 * "Dead-letter queues".
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { QueueSpec } from '../cloudformation/deployment-spec.ts';
import { ServiceError } from '../shared/errors.ts';
import type { MessageRecord, MessageStore } from './message-store.ts';

/** How long a FIFO queue remembers a deduplication ID, even after the message is deleted. Milliseconds. */
const deduplicationMs = 300_000;
const purgeIntervalMs = 60_000;

export interface QueueOptions {
  readonly spec: QueueSpec;
  readonly store: MessageStore;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** How long one second of a visibility timeout or delay takes, in seconds. */
  readonly timeScale: number;
  /** The dead-letter queue. Called when a message exceeds its receive count. */
  readonly deadLetters: () => SqsQueue | undefined;
}

export interface NewMessage {
  readonly body: string;
  readonly groupId: string | undefined;
  readonly deduplicationId: string | undefined;
  readonly senderId: string;
  /** Seconds; default: the delay of the queue. */
  readonly delay: number | undefined;
}

export type ReceivedMessage = MessageRecord & { readonly body: string; readonly receipt: string };
type LiveMessage = MessageRecord & { readonly body: string };

export class SqsQueue {
  readonly spec: QueueSpec;
  readonly createdAt: number;
  readonly #options: QueueOptions;
  /** Messages by ID, in the order of sending. */
  readonly #messages = new Map<string, LiveMessage>();
  /** The first message per deduplication key, in the order of sending. */
  readonly #deduplicated = new Map<string, MessageRecord>();
  /** IDs of messages that stay hidden after their visibility timeout. */
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

  /**
   * Enqueues a message. For a duplicate within five minutes, a FIFO queue returns the first message and enqueues
   * nothing.
   */
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

  /**
   * Receives up to `max` messages in order and hides each for `visibility` seconds. A FIFO queue skips message groups
   * that have a message in flight.
   */
  receive(max: number, visibility: number): ReceivedMessage[] {
    this.#removeExpired();
    const now = this.#options.now();
    const received: ReceivedMessage[] = [];
    for (const record of this.#visible(now)) {
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
   * Deletes the message of a receipt. For a standard queue, an outdated receipt deletes nothing and is not an error.
   * @throws ServiceError
   */
  delete(receipt: string): void {
    const record = this.#findByReceipt(receipt);
    if (record === undefined) return;
    if (record.receipt === receipt && (!this.spec.FifoQueue || this.#isHidden(record, this.#options.now())))
      this.#remove(record);
    else if (this.spec.FifoQueue) throw expiredReceipt(receipt);
    this.#notifyListeners();
  }

  /** @throws ServiceError `MessageNotInflight` */
  changeVisibility(receipt: string, seconds: number): void {
    const record = this.#findByReceipt(receipt);
    if (record === undefined || record.receipt !== receipt || !this.#isHidden(record, this.#options.now())) {
      throw new ServiceError('MessageNotInflight', 'The message referred to is not in flight.');
    }
    this.#put({ ...record, hiddenUntil: this.#options.now() + this.#scaled(seconds) });
    this.#notifyListeners();
  }

  /** @throws ServiceError `PurgeQueueInProgress` within one minute of the last purge */
  purge(): void {
    const now = this.#options.now();
    if (now < this.#purgedAt + purgeIntervalMs) {
      throw new ServiceError('PurgeQueueInProgress', 'Only one PurgeQueue operation is allowed every 60 seconds.', 403);
    }
    this.#purgedAt = now;
    for (const record of [...this.#messages.values()]) this.#remove(record);
    this.#notifyListeners();
  }

  /** The number of visible messages, messages in flight, and delayed messages. */
  counts(): { readonly waiting: number; readonly inFlight: number; readonly delayed: number } {
    this.#removeExpired();
    const now = this.#options.now();
    const hidden = [...this.#messages.values()].filter((record) => this.#isHidden(record, now));
    const inFlight = hidden.filter(({ receiveCount }) => receiveCount > 0).length;
    return { waiting: this.#messages.size - hidden.length, inFlight, delayed: hidden.length - inFlight };
  }

  /** Whether a receive would return a message or move one to the dead-letter queue. */
  get hasVisible(): boolean {
    this.#removeExpired();
    return this.#visible(this.#options.now()).length > 0;
  }

  get isEmpty(): boolean {
    this.#removeExpired();
    return this.#messages.size === 0;
  }

  /**
   * When a receive can return a message, in milliseconds since the epoch: the present if a message is visible, else the
   * end of the next timeout; undefined if there is none without a change. The clock is read once: a timeout that ends
   * between two readings would count neither as visible nor as hidden, and nothing would wake the receiver.
   */
  get nextReceiveAt(): number | undefined {
    this.#removeExpired();
    const now = this.#options.now();
    if (this.#visible(now).length > 0) return now;
    const times = [...this.#messages.values()]
      .filter(({ messageId, hiddenUntil }) => hiddenUntil > now && !this.#keptHidden.has(messageId))
      .map(({ hiddenUntil }) => hiddenUntil);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /**
   * Keeps messages hidden until they are released. On AWS the visibility timeout is sufficient, because it is longer
   * than the function's timeout. Here it can be scaled down, but the function's run time cannot.
   */
  keepHidden(messageIds: readonly string[]): void {
    for (const id of messageIds) this.#keptHidden.add(id);
  }

  stopKeepingHidden(messageIds: readonly string[]): void {
    for (const id of messageIds) this.#keptHidden.delete(id);
    this.#notifyListeners();
  }

  /** Makes messages in flight visible again. Used at start, when their receivers no longer exist. */
  showInFlight(): void {
    const now = this.#options.now();
    for (const record of [...this.#messages.values()]) {
      if (record.receiveCount > 0 && record.hiddenUntil > now) this.#put({ ...record, hiddenUntil: now });
    }
    this.#notifyListeners();
  }

  /** Calls the listener on each change, but not when a timeout passes. Returns a function that removes the listener. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Accepts a message of another queue. It keeps its ID, so a repeated move has no effect. */
  #acceptDeadLetter(record: LiveMessage, source: string): void {
    if (this.#messages.has(record.messageId)) return;
    const { receipt: _, firstReceivedAt: __, ...message } = record;
    const now = this.#options.now();
    // For a standard queue, the retention period continues from the original enqueue time.
    const sentAt = this.spec.FifoQueue ? now : record.sentAt;
    this.#enqueue({ ...message, deadLetterSource: source, sentAt, hiddenUntil: now, receiveCount: 0 });
  }

  #moveToDeadLetters(record: LiveMessage): void {
    const target = this.#options.deadLetters();
    if (target === undefined)
      throw new Error(`The dead-letter queue of ${this.spec.queueName} does not exist. The message was not moved.`);
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

  /** Removes messages after their retention period, and expired deduplication IDs. */
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

  #visible(now: number): LiveMessage[] {
    const records = [...this.#messages.values()];
    const inFlight = new Set(records.filter((one) => this.#isHidden(one, now)).map(({ groupId }) => groupId));
    return records.filter((one) => !this.#isHidden(one, now) && !(this.spec.FifoQueue && inFlight.has(one.groupId)));
  }

  #isHidden({ messageId, hiddenUntil }: MessageRecord, now: number): boolean {
    return hiddenUntil > now || this.#keptHidden.has(messageId);
  }

  /** The message of a receipt, even if the receipt is not the latest. */
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
