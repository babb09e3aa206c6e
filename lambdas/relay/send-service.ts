/** Stores messages in mailboxes (docs/session-service.md, section 6). */
import { createHash } from 'node:crypto';
import { sessionLimits } from '../../contract/sessions/limits.ts';
import type { SentMessage } from '../../contract/sessions/wire.ts';
import { equalBytes } from '../../core/encoding/bytes.ts';
import type { Relations } from '../directory/relations.ts';
import type { SessionSigner } from '../directory/session-authenticator.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import type { Clock } from '../shared/ports.ts';
import type { KnownName, MailboxStore, StoredMessage } from './mailbox-ports.ts';
import type { MailboxQuota } from './mailbox-quota.ts';
import type { MessageAnnouncer } from './message-announcer.ts';

export interface NewMessage {
  readonly to: string;
  readonly counter: number;
  readonly conversation?: string | undefined;
  readonly message: Uint8Array;
}

const concurrentRecipients = 8;

export interface SendServiceDeps {
  readonly store: MailboxStore;
  readonly quota: MailboxQuota;
  readonly relations: Relations;
  readonly announcer: Pick<MessageAnnouncer, 'announce'>;
  readonly clock: Clock;
}

export class SendService {
  readonly #store: MailboxStore;
  readonly #quota: MailboxQuota;
  readonly #relations: Relations;
  readonly #announcer: Pick<MessageAnnouncer, 'announce'>;
  readonly #clock: Clock;

  constructor({ store, quota, relations, announcer, clock }: SendServiceDeps) {
    this.#store = store;
    this.#quota = quota;
    this.#relations = relations;
    this.#announcer = announcer;
    this.#clock = clock;
  }

  /** Sends each message by itself. Those to one recipient in the order of their counters. @throws VaultError `unavailable` */
  async send(signer: SessionSigner, messages: readonly NewMessage[]): Promise<SentMessage[]> {
    const allowed = await this.#relations.mayWrite(signer, messages);
    const outcomes: SentMessage[] = messages.map(({ to, counter }) => ({ to, counter, outcome: 'not_allowed' }));
    const permitted = messages.map((message, index) => ({ message, index })).filter(({ index }) => allowed[index]);
    const groups = Map.groupBy(permitted, ({ message }) => message.to);
    await mapConcurrent([...groups.values()], concurrentRecipients, async (group) => {
      for (const { message, index } of group.toSorted((a, b) => a.message.counter - b.message.counter)) {
        outcomes[index] = { to: message.to, counter: message.counter, ...(await this.#sendOne(signer, message)) };
      }
    });
    // Also for a repeated request: the first one may have stopped before this.
    const stored = outcomes.filter(({ outcome }) => outcome === 'stored');
    const keys = stored.map(({ to, counter }) => ({ recipient: to, sender: signer.device.id, counter }));
    await this.#announcer.announce(signer.org, keys);
    return outcomes;
  }

  async #sendOne(
    { org, device, certificate }: SessionSigner,
    { to: recipient, counter, conversation, message }: NewMessage,
  ): Promise<Pick<SentMessage, 'outcome' | 'highest'>> {
    const now = this.#clock();
    const hash = createHash('sha256').update(message).digest();
    const stored: StoredMessage = {
      ...{ recipient, sender: device.id, counter, message, hash, conversation, certificate },
      storedAt: now.toISOString(),
    };
    const usage = await this.#store.listUsage(org, recipient);
    const highest = usage.find(({ sender }) => sender === device.id)?.highest ?? -1;
    if (counter <= highest) return outcomeOfKnown(await this.#find(org, stored), hash, highest);
    if (!(await this.#quota.hasRoom(org, stored, usage))) return { outcome: 'mailbox_full' };
    const ttl = Math.ceil(now.getTime() / 1000) + sessionLimits.messageSeconds;
    if (!(await this.#store.put(org, stored, ttl))) {
      // An earlier request stored it and stopped before it was counted, or stores it now.
      const known = await this.#find(org, stored);
      if (known === undefined || !equalBytes(known.hash, hash))
        return outcomeOfKnown(known, hash, Math.max(highest, counter));
    }
    await this.#store.count(org, stored);
    return { outcome: 'stored' };
  }

  async #find(org: string, message: StoredMessage): Promise<KnownName | undefined> {
    return (await this.#store.find(org, [message]))[0];
  }
}

/** The outcome for a counter that is not above the highest one. */
function outcomeOfKnown(
  known: KnownName | undefined,
  hash: Uint8Array,
  highest: number,
): Pick<SentMessage, 'outcome' | 'highest'> {
  if (known === undefined || !equalBytes(known.hash, hash)) return { outcome: 'counter_used', highest };
  return { outcome: known.state };
}
