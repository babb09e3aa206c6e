/** The messages on this device, by conversation, in memory. The SDK stores them. */
import type { DeliveryState, ReceivedMessage, SentText, SessionClient } from '../../../../sdk/src/session/index.ts';
import type { Notes } from '../device/notes.ts';

/** A message as the page shows it. */
export interface BookItem {
  readonly id: string;
  readonly time: number;
  /** Undefined for a message that this device sent. */
  readonly received: ReceivedMessage | undefined;
  /** Text of a message of this device. */
  readonly text: string;
  /** Of a message of this device. */
  state: DeliveryState;
}

const readNote = 'read';

/** Whether the person wrote it, on another device. Agents are devices of the person too. */
export const isOfPerson = ({ isOwn, sender }: ReceivedMessage): boolean => isOwn && sender.role === 'owner';

const itemOfSent = ({ id, time, text, state }: SentText): BookItem => ({
  ...{ id, text, state, received: undefined },
  time: time.getTime(),
});

const itemOfReceived = (received: ReceivedMessage): BookItem => ({
  ...{ id: received.id, text: '', state: 'read' as const, received },
  time: received.time.getTime(),
});

export class MessageBook {
  readonly #client: SessionClient;
  readonly #notes: Notes;
  readonly #items = new Map<string, BookItem[]>();
  /** Number of messages of others that were seen, by conversation. */
  #seen: Record<string, number> = {};

  constructor(client: SessionClient, notes: Notes) {
    this.#client = client;
    this.#notes = notes;
  }

  async load(): Promise<void> {
    this.#seen = (await this.#notes.get<Record<string, number>>(readNote)) ?? {};
    for (const { conversation } of await this.#client.conversations.list()) {
      const sent = (await this.#client.sent(conversation)).map(itemOfSent);
      const received = (await this.#client.history(conversation)).map(itemOfReceived);
      this.#items.set(
        conversation,
        [...sent, ...received].sort((a, b) => a.time - b.time),
      );
    }
  }

  items(conversation: string): readonly BookItem[] {
    return this.#items.get(conversation) ?? [];
  }

  addReceived(message: ReceivedMessage): void {
    this.#add(message.conversation, itemOfReceived(message));
  }

  addSent(conversation: string, id: string, text: string, state: DeliveryState): void {
    this.#add(conversation, { ...{ id, text, state, received: undefined }, time: Date.now() });
  }

  unread(conversation: string): number {
    return Math.max(0, this.#ofOthers(conversation).length - (this.#seen[conversation] ?? 0));
  }

  /** All of a conversation was shown to the person. */
  async markSeen(conversation: string): Promise<void> {
    const unread = this.unread(conversation);
    if (unread === 0) return;
    const others = this.#ofOthers(conversation);
    this.#seen = { ...this.#seen, [conversation]: others.length };
    await this.#notes.put(readNote, this.#seen);
    for (const { received } of others.slice(-unread)) if (received !== undefined) await this.#client.markRead(received);
  }

  /** Reads the states of messages of this device that can still change. @returns whether one did */
  async refreshStates(conversation: string): Promise<boolean> {
    let hasChanged = false;
    for (const item of this.items(conversation)) {
      if (item.received !== undefined || item.state === 'read' || item.state === 'refused') continue;
      const { state } = await this.#client.delivery(item.id);
      hasChanged ||= state !== item.state;
      item.state = state;
    }
    return hasChanged;
  }

  #ofOthers(conversation: string): readonly BookItem[] {
    return this.items(conversation).filter(({ received }) => received !== undefined && !isOfPerson(received));
  }

  #add(conversation: string, item: BookItem): void {
    const items = this.#items.get(conversation) ?? [];
    if (items.some(({ id, received }) => id === item.id && received?.sender.device === item.received?.sender.device))
      return;
    const at = items.findLastIndex(({ time }) => time <= item.time) + 1;
    items.splice(at, 0, item);
    this.#items.set(conversation, items);
  }
}
