/** Limits of a mailbox, and of the part that one sender can fill (docs/session-service.md, section 6). */
import { sessionLimits } from '../../contract/sessions/limits.ts';
import type { Clock } from '../shared/ports.ts';
import type { MailboxStore, SenderUsage, StoredMessage } from './mailbox-ports.ts';

const { mailboxMessages, mailboxBytes, mailboxSenderParts } = sessionLimits;

/** Expired messages are only discounted by a recount, which reads the mailbox. So it happens once in this time at most. */
const recountSeconds = 3_600;

export class MailboxQuota {
  readonly #store: MailboxStore;
  readonly #clock: Clock;

  constructor(store: MailboxStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Whether a message fits. If it does not, the mailbox is counted again first. @throws VaultError `unavailable` */
  async hasRoom(org: string, message: StoredMessage, usage: readonly SenderUsage[]): Promise<boolean> {
    if (fits(message, usage)) return true;
    const { recipient } = message;
    const now = Math.floor(this.#clock().getTime() / 1000);
    if (!(await this.#store.beginRecount(org, recipient, now, now - recountSeconds))) return false;
    const counted = await this.#store.measure(org, recipient, now);
    for (const { sender } of usage) {
      await this.#store.setUsage(org, recipient, { sender, ...(counted.get(sender) ?? { messages: 0, bytes: 0 }) });
    }
    return fits(message, await this.#store.listUsage(org, recipient));
  }
}

function fits({ sender, message }: StoredMessage, usage: readonly SenderUsage[]): boolean {
  const own = usage.filter((one) => one.sender === sender);
  return (
    isWithin(own, message.length, mailboxMessages / mailboxSenderParts, mailboxBytes / mailboxSenderParts) &&
    isWithin(usage, message.length, mailboxMessages, mailboxBytes)
  );
}

function isWithin(usage: readonly SenderUsage[], added: number, maxMessages: number, maxBytes: number): boolean {
  let [messages, bytes] = [1, added];
  for (const one of usage) {
    messages += Math.max(0, one.messages);
    bytes += Math.max(0, one.bytes);
  }
  return messages <= maxMessages && bytes <= maxBytes;
}
