/** Ports of the relay. A mailbox holds ciphertext only. Nothing that the store returns is trusted. */

/** Names a message: the sender and its counter for this recipient. */
export interface MessageKey {
  readonly recipient: string;
  readonly sender: string;
  readonly counter: number;
}

export interface StoredMessage extends MessageKey {
  readonly message: Uint8Array;
  /** SHA-256 of the message. */
  readonly hash: Uint8Array;
  readonly conversation: string | undefined;
  /** Certificate with which a member of a fleet sent it. */
  readonly certificate: Uint8Array | undefined;
  /** RFC 3339. */
  readonly storedAt: string;
}

/** What the service knows of a name. */
export interface KnownName extends MessageKey {
  readonly state: 'stored' | 'acknowledged';
  readonly hash: Uint8Array;
  readonly bytes: number;
}

/** What one sender has in a mailbox. An estimate from above: messages that expired are still counted. */
export interface SenderUsage {
  readonly sender: string;
  readonly highest: number;
  readonly messages: number;
  readonly bytes: number;
}

export interface MailboxPage {
  readonly messages: readonly StoredMessage[];
  readonly more: boolean;
}

export interface MessageReader {
  /** The messages with these names that are stored, in any order. Up to 100 names. */
  get(org: string, keys: readonly MessageKey[]): Promise<readonly StoredMessage[]>;
}

export interface MailboxStore {
  /** The usage of all senders of a mailbox. */
  listUsage(org: string, recipient: string): Promise<readonly SenderUsage[]>;
  /** Returns false and changes nothing if there is a message with this name. */
  put(org: string, message: StoredMessage, ttl: number): Promise<boolean>;
  /** Raises the highest counter of the sender and adds the message, unless the counter is not higher. */
  count(org: string, message: StoredMessage): Promise<void>;
  /** What is known of these names, in one read for up to 50 of them. */
  find(org: string, keys: readonly MessageKey[]): Promise<readonly KnownName[]>;
  /** Messages after a name, up to `limit` messages and about `maxBytes` bytes. */
  list(
    org: string,
    recipient: string,
    after: MessageKey | undefined,
    limit: number,
    maxBytes: number,
  ): Promise<MailboxPage>;
  /** Stores the hash of an acknowledged message. */
  putAcknowledged(org: string, key: MessageKey, hash: Uint8Array, ttl: number): Promise<void>;
  /** Returns whether this call deleted it. */
  delete(org: string, key: MessageKey): Promise<boolean>;
  /** Takes deleted messages from the usage of a sender. */
  discount(org: string, recipient: string, usage: Omit<SenderUsage, 'highest'>): Promise<void>;
  /** Begins a recount. Returns false if one began after `notBefore` (epoch seconds). */
  beginRecount(org: string, recipient: string, now: number, notBefore: number): Promise<boolean>;
  /** Sets the usage of a sender to what was counted. */
  setUsage(org: string, recipient: string, usage: Omit<SenderUsage, 'highest'>): Promise<void>;
  /** Sizes of all messages that have not expired, by sender. */
  measure(
    org: string,
    recipient: string,
    now: number,
  ): Promise<ReadonlyMap<string, { messages: number; bytes: number }>>;
}

/** The name of a message, as clients see it. */
export const messageName = ({ sender, counter }: Pick<MessageKey, 'sender' | 'counter'>): string =>
  `${sender}/${counter}`;

/** The key of a name that the schema has checked. */
export function keyOfName(recipient: string, name: string): MessageKey {
  const [sender = '', counter = ''] = name.split('/');
  return { recipient, sender, counter: Number(counter) };
}
