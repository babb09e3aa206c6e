/**
 * Takes messages from the relay and opens them. Order of writes (docs/format-sessions.md, section 7): the new set, the
 * content and the name at the relay are stored in one batch, then the message is acknowledged.
 */
import { findParticipant } from '../../../../core/directory/may-write.ts';
import type { Bytes } from '../../../../core/encoding/bytes.ts';
import { openMessage, preKeysNeeded } from '../../../../core/sessions/open-message.ts';
import {
  acceptResync,
  createResync,
  isResync,
  isResyncDue,
  recordFailure,
  resyncAnswerType,
} from '../../../../core/sessions/resync.ts';
import type { ConversationBook } from '../conversations/conversation-book.ts';
import { conversationWith } from '../conversations/shared-conversation.ts';
import { oneTimeName, type PrekeyKeeper } from '../prekeys/prekey-keeper.ts';
import type { IncomingMessage } from '../requests/session-requests.ts';
import type { SessionContext, Settings } from '../session-context.ts';
import { Changes } from '../storage/session-store.ts';
import {
  counterText,
  type HeldItem,
  type OutItem,
  outName,
  prefixes,
  type QuarantineItem,
  type SentItem,
  type TodoItem,
  todoName,
} from './message-items.ts';
import {
  erasePeer,
  keysOf,
  loadPeer,
  newPeer,
  type PeerRecord,
  partyOf,
  stagePeer,
  withCertificate,
} from './peer-records.ts';

const nameForm = /^([0-9a-f]{32})\/(0|[1-9]\d{0,15})$/;
const namesAtOnce = 100;
/** More than the frames that wait in a connection. */
const namesRemembered = 4_096;
/** Pages in one call, so that a service cannot keep a device busy for ever. */
const maxPages = 200;
/** Messages in quarantine of one sender, and in all. Others are acknowledged and dropped. */
const maxPerSender = 100;
const maxInAll = 1_000;

type Taken = 'opened' | 'quarantined' | 'ignored';

export class Receiver {
  readonly #context: SessionContext;
  readonly #book: ConversationBook;
  readonly #prekeys: PrekeyKeeper;
  /** Whether something came since {@link retryOpened}: its sender can know entries of the directory that this device does not. */
  hasNews = false;
  /** Senders whose messages in quarantine can open now. */
  readonly #opened = new Set<string>();
  #isFirstRetry = true;
  /** Names of the last messages, whose frames can still be on their way. */
  readonly #acknowledged = new Set<string>();

  constructor(context: SessionContext, book: ConversationBook, prekeys: PrekeyKeeper) {
    this.#context = context;
    this.#book = book;
    this.#prekeys = prekeys;
  }

  /** @returns number of messages that were opened @throws AnimaError of the requests */
  async receive(settings: Settings): Promise<number> {
    const { requests } = this.#context;
    let opened = 0;
    let after: string | undefined;
    for (let page = 0; page < maxPages; page++) {
      const { messages, next } = await requests.receive(after, settings);
      opened += await this.#takeAll(messages, settings);
      if (next === undefined) return opened;
      after = next;
    }
    return opened;
  }

  /**
   * Messages that came through a socket. Those that were acknowledged meanwhile, because the mailbox had them too, are left
   * out: they do not open again.
   */
  async deliver(messages: readonly IncomingMessage[], settings: Settings): Promise<number> {
    return await this.#takeAll(
      messages.filter(({ name }) => !this.#acknowledged.has(name)),
      settings,
    );
  }

  async #takeAll(messages: readonly IncomingMessage[], settings: Settings): Promise<number> {
    let opened = 0;
    const names: string[] = [];
    for (const message of messages) {
      const [, sender, counter] = nameForm.exec(message.name) ?? [];
      if (sender === undefined || counter === undefined) continue;
      const taken = await this.#context.turn(() => this.#take(sender, Number(counter), message));
      if (taken === 'opened') {
        opened++;
        this.#opened.add(sender);
      }
      if (taken !== 'ignored') this.hasNews = true;
      names.push(message.name);
    }
    await this.#acknowledge(names, settings);
    return opened;
  }

  /** Tries messages in quarantine again of which a sender wrote something that opened; at first, all. */
  async retryOpened(): Promise<number> {
    let opened = 0;
    if (this.#isFirstRetry) opened += await this.retry();
    else for (const sender of this.#opened) opened += await this.retry(sender);
    this.#isFirstRetry = false;
    this.#opened.clear();
    this.hasNews = false;
    return opened;
  }

  /** Tries messages in quarantine again: also after the directory changed. */
  async retry(sender?: string): Promise<number> {
    const { store, turn } = this.#context;
    let opened = 0;
    for (const name of await store.names(prefixes.quarantine + (sender === undefined ? '' : `${sender}/`))) {
      opened += await turn(() => this.#retryOne(name));
    }
    return opened;
  }

  async #retryOne(name: string): Promise<number> {
    const item = await this.#context.store.item<QuarantineItem>(name);
    const sender = name.split('/')[1] ?? '';
    const record = item && (await this.#recordOf(sender, item.certificate));
    if (item === undefined || record === undefined || !this.#isActive(sender, record)) return 0;
    const changes = new Changes().delete(name);
    const next = await this.#open(record, item.message, changes);
    if (next === undefined) return 0;
    stagePeer(changes, next);
    await this.#context.store.write(changes);
    erasePeer(record, next);
    return 1;
  }

  /** The names stay stored until the relay no longer repeats these messages. */
  async #acknowledge(names: readonly string[], settings: Settings): Promise<void> {
    const { requests, store, turn } = this.#context;
    for (let at = 0; at < names.length; at += namesAtOnce) {
      const part = names.slice(at, at + namesAtOnce);
      await requests.acknowledge(part, settings);
      this.#remember(part);
      await turn(async () => {
        const changes = new Changes();
        for (const name of part) changes.delete(handledName(name));
        await store.write(changes);
      });
    }
  }

  #remember(names: readonly string[]): void {
    for (const name of names) this.#acknowledged.add(name);
    for (const name of this.#acknowledged) {
      if (this.#acknowledged.size <= namesRemembered) break;
      this.#acknowledged.delete(name);
    }
  }

  async #take(sender: string, counter: number, { name, message, certificate }: IncomingMessage): Promise<Taken> {
    const { store } = this.#context;
    // Delivered again because the acknowledgement was lost.
    if ((await store.bytes(handledName(name))) !== undefined) return 'ignored';
    const changes = new Changes().put(handledName(name), {});
    const record = await this.#recordOf(sender, certificate);
    if (record === undefined || !this.#isActive(sender, record))
      return await this.#quarantine(changes, sender, counter, { message, certificate, at: this.#context.clock.now() });
    if (isResync(message)) return await this.#obey(changes, record, message);
    const next = await this.#open(record, message, changes);
    if (next === undefined) return await this.#fail(record, counter, changes, { message, certificate });
    stagePeer(changes, next);
    await store.write(changes);
    erasePeer(record, next);
    return 'opened';
  }

  async #recordOf(sender: string, certificate: Bytes | undefined): Promise<PeerRecord | undefined> {
    if (sender === this.#context.own.device.id) return undefined;
    const stored = withCertificate(this.#context, sender, await loadPeer(this.#context, sender), certificate);
    const keys = keysOf(this.#context, sender, stored?.certificate);
    return stored ?? (keys && newPeer(keys));
  }

  #isActive(sender: string, { certificate }: PeerRecord): boolean {
    const party = partyOf(this.#context, sender, certificate);
    const { directory, clock } = this.#context;
    return party !== undefined && findParticipant(directory.state, party, clock.now()) !== undefined;
  }

  /** Opens a message, and adds its content to the batch. Undefined if it does not open: nothing changes then. */
  async #open(record: PeerRecord, message: Bytes, changes: Changes): Promise<PeerRecord | undefined> {
    const { own, clock, sequence } = this.#context;
    const needed = preKeysNeeded(record.set, message);
    const secrets = needed && (await this.#prekeys.secrets(needed));
    const now = clock.now();
    let opened: ReturnType<typeof openMessage>;
    try {
      opened = openMessage(record.set, own, message, now, secrets);
    } catch {
      return undefined;
    }
    if (opened.usedOneTimeKey !== undefined) {
      changes.delete(oneTimeName(opened.usedOneTimeKey));
      this.#prekeys.noteUse();
    }
    const held: HeldItem = { sender: record.set.peer.device.id, content: opened.content, at: now };
    changes.put(prefixes.held + sequence.item(changes), held);
    return { ...record, set: opened.set };
  }

  /** Only the count of failures changes. After three, the peer is asked for a new session. */
  async #fail(record: PeerRecord, counter: number, changes: Changes, item: Omit<QuarantineItem, 'at'>): Promise<Taken> {
    const { clock, own } = this.#context;
    const sender = record.set.peer.device.id;
    let next: PeerRecord = { ...record, set: recordFailure(record.set, item.message) };
    if (isResyncDue(next.set, clock.now())) {
      const { set, bytes } = createResync(next.set, own, own.ik.seed, clock.now());
      next = { ...next, set, counter: next.counter + 1 };
      const conversation = await conversationWith(this.#context, this.#book, sender, record.certificate);
      const out: OutItem = { message: bytes, conversation, todo: undefined };
      changes.put(outName(sender, next.counter), out);
      this.#context.notify({ kind: 'session_restarted', detail: `with device ${sender}` });
    }
    stagePeer(changes, next);
    return await this.#quarantine(changes, sender, counter, { ...item, at: clock.now() });
  }

  async #quarantine(changes: Changes, sender: string, counter: number, item: QuarantineItem): Promise<Taken> {
    const { store, notify } = this.#context;
    const ofSender = await store.names(`${prefixes.quarantine}${sender}/`);
    const isFull = ofSender.length >= maxPerSender || (await store.names(prefixes.quarantine)).length >= maxInAll;
    if (!isFull) changes.put(`${prefixes.quarantine}${sender}/${counterText(counter)}`, item);
    await store.write(changes);
    notify({ kind: 'message_quarantined', detail: `of device ${sender}` });
    return 'quarantined';
  }

  /** Obeys a resync: a new session, its answer first, then everything that the peer did not confirm. */
  async #obey(changes: Changes, record: PeerRecord, message: Bytes): Promise<Taken> {
    const { own, clock, store, sequence, notify } = this.#context;
    const accepted = acceptResync(record.set, own, message, clock.now());
    if (accepted === undefined) {
      await store.write(changes);
      return 'ignored';
    }
    const device = record.set.peer.device.id;
    const conversation = await conversationWith(this.#context, this.#book, device, record.certificate);
    const answer: TodoItem = { kind: 'control', type: resyncAnswerType, body: accepted.nonce, conversation };
    changes.put(todoName(device, 'control', sequence.item(changes)), answer);
    await this.#sendAgain(changes, device);
    stagePeer(changes, { ...record, set: accepted.set, claimAfter: 0 });
    await store.write(changes);
    notify({ kind: 'session_restarted', detail: `by device ${device}` });
    return 'ignored';
  }

  async #sendAgain(changes: Changes, device: string): Promise<void> {
    const { store } = this.#context;
    // What was sealed, but not sent, does not open in the new session either.
    for await (const [name, { todo }] of store.items<OutItem>(`${prefixes.out}${device}/`)) {
      changes.delete(name);
      if (todo !== undefined) changes.put(todo[0], todo[1]);
    }
    const prefix = `${prefixes.unconfirmed}${device}/`;
    for await (const [name, todo] of store.items<TodoItem>(prefix)) {
      if (todo.kind !== 'message') continue;
      const sent = await store.item<SentItem>(prefixes.sent + todo.id);
      if (sent?.devices[device] === 'sent') changes.put(todoName(device, 'message', name.slice(prefix.length)), todo);
    }
  }
}

const handledName = (name: string): string => {
  const [sender = '', counter = ''] = name.split('/');
  return `${prefixes.handled}${sender}/${counterText(Number(counter))}`;
};
