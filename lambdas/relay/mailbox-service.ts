/** Reads and acknowledges the messages of a device (docs/session-service.md, section 6). */
import { sessionLimits } from '../../contract/sessions/limits.ts';
import type { AcknowledgeResponse, ReadMailboxResponse } from '../../contract/sessions/wire.ts';
import type { SessionSigner } from '../directory/session-authenticator.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import type { Clock } from '../shared/ports.ts';
import { type KnownName, keyOfName, type MailboxStore, type MessageKey, messageName } from './mailbox-ports.ts';
import { toReceivedMessage } from './received-message.ts';

/** Bytes of messages in one answer: base64 has 4 characters for 3 bytes. */
const maxMessageBytes = Math.floor((sessionLimits.messagesReplyBytes * 3) / 4);
const concurrentDeletes = 8;
/** Names of one read. Each has two possible items, and a batch reads 100. */
const namesAtOnce = 50;

interface Deleted {
  readonly sender: string;
  readonly bytes: number;
}

export class MailboxService {
  readonly #store: MailboxStore;
  readonly #clock: Clock;

  constructor(store: MailboxStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** @throws VaultError `unavailable` */
  async read({ org, device }: SessionSigner, after: string | undefined, limit: number): Promise<ReadMailboxResponse> {
    const start = after === undefined ? undefined : keyOfName(device.id, after);
    const { messages, more } = await this.#store.list(org, device.id, start, limit, maxMessageBytes);
    const last = messages.at(-1);
    const oldest = this.#clock().getTime() - sessionLimits.messageSeconds * 1000;
    // The table removes expired messages late.
    const valid = messages.filter(({ storedAt }) => Date.parse(storedAt) > oldest);
    return {
      messages: valid.map(toReceivedMessage),
      ...(more && last !== undefined ? { next: messageName(last) } : {}),
    };
  }

  /** Deletes messages by their names. Names that are not there succeed too. @throws VaultError `unavailable` */
  async acknowledge({ org, device }: SessionSigner, names: readonly string[]): Promise<AcknowledgeResponse> {
    const keys = [...new Set(names)].map((name) => keyOfName(device.id, name));
    for (let at = 0; at < keys.length; at += namesAtOnce) await this.#delete(org, keys.slice(at, at + namesAtOnce));
    return { acknowledged: names.length };
  }

  async #delete(org: string, keys: readonly MessageKey[]): Promise<void> {
    const known = new Map((await this.#store.find(org, keys)).map((one) => [messageName(one), one]));
    const deleted = await mapConcurrent(keys, concurrentDeletes, (key) =>
      this.#deleteOne(org, key, known.get(messageName(key))),
    );
    const bySender = Map.groupBy(
      deleted.filter((one) => one !== undefined),
      ({ sender }) => sender,
    );
    for (const [sender, group] of bySender) {
      const bytes = group.reduce((sum, one) => sum + one.bytes, 0);
      await this.#store.discount(org, keys[0]?.recipient ?? '', { sender, messages: group.length, bytes });
    }
  }

  /** The hash first, so that a repeated message is recognized even if this request stops in between. */
  async #deleteOne(org: string, key: MessageKey, known: KnownName | undefined): Promise<Deleted | undefined> {
    if (known?.state !== 'stored') return undefined;
    const ttl = Math.ceil(this.#clock().getTime() / 1000) + sessionLimits.messageSeconds;
    await this.#store.putAcknowledged(org, key, known.hash, ttl);
    return (await this.#store.delete(org, key)) ? { sender: key.sender, bytes: known.bytes } : undefined;
  }
}
