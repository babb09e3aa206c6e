/**
 * Seals what is queued, and sends it. Order of writes (docs/format-sessions.md, section 7): the new set and the bytes are
 * stored in one batch, sent until the relay has taken them over, then forgotten.
 */
import { acceptBundle, readOneTimePrekey } from '../../../../core/directory/prekeys.ts';
import { fromHex } from '../../../../core/encoding/bytes.ts';
import { randomId16 } from '../../../../core/sessions/device-secrets.ts';
import type { MessageContent } from '../../../../core/sessions/message-content.ts';
import {
  beginSession,
  isHandshakeDue,
  requireHandshake,
  sealMessage,
} from '../../../../core/sessions/peer-sessions.ts';
import { AnimaError } from '../../shared/errors.ts';
import type { ConversationBook } from '../conversations/conversation-book.ts';
import { mayExchange } from '../conversations/roster.ts';
import type { PrekeyKeeper } from '../prekeys/prekey-keeper.ts';
import type { ClaimedBundle, MessageResult, OutgoingMessage } from '../requests/session-requests.ts';
import type { SessionContext, Settings } from '../session-context.ts';
import { Changes } from '../storage/session-store.ts';
import { afterRestore } from './after-restore.ts';
import { setDelivery } from './delivery.ts';
import { controlPlace, type OutItem, outName, prefixes, type SentItem, type TodoItem } from './message-items.ts';
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

/** Messages in one request, and messages that are sealed in one batch. */
const messagesAtOnce = 16;
/** 10 claims an hour are allowed, see docs/session-service.md section 4. */
const claimPause = 360_000;
const highestUsable = Number.MAX_SAFE_INTEGER - 2 ** 32;

/** A todo that can be sealed: its content, and the conversation that allows it. */
interface Sealable {
  readonly name: string;
  readonly todo: TodoItem;
  readonly content: Omit<MessageContent, 'head'>;
  readonly conversation: string | undefined;
}

export class Outbox {
  readonly #context: SessionContext;
  readonly #book: ConversationBook;
  readonly #prekeys: PrekeyKeeper;
  /** Devices to which nothing is sent: they know a newer directory than this device. */
  frozen: ReadonlySet<string> = new Set();

  constructor(context: SessionContext, book: ConversationBook, prekeys: PrekeyKeeper) {
    this.#context = context;
    this.#book = book;
    this.#prekeys = prekeys;
  }

  /** @returns number of messages that the relay has taken over @throws AnimaError of the requests */
  async flush(settings: Settings): Promise<number> {
    const { directory, store } = this.#context;
    // The service shows two directories: nothing is sent at all.
    if (directory.isForked) return 0;
    // A device that failed once is left for the next time.
    const blocked = new Set(this.frozen);
    let sent = await this.#sendAll(blocked, settings);
    const devices = new Set((await store.names(prefixes.todo)).map((name) => name.split('/')[1] ?? ''));
    for (const device of devices) {
      while (!blocked.has(device) && (await this.#sealNext(device, settings)))
        sent += await this.#sendAll(blocked, settings);
    }
    return sent;
  }

  /** @returns whether something was sealed */
  async #sealNext(device: string, settings: Settings): Promise<boolean> {
    const claimed = await this.#claimIfDue(device, settings);
    return await this.#context.turn(() => this.#seal(device, claimed));
  }

  /** A bundle for a new session, if one is due. Undefined if none is due, or the service gives none. */
  async #claimIfDue(device: string, settings: Settings): Promise<ClaimedBundle | undefined> {
    const { clock, requests, turn } = this.#context;
    const record = await turn(() => loadPeer(this.#context, device));
    const [first] = await turn(() => this.#sealable(device));
    if (first === undefined) return undefined;
    const isDue = record === undefined || isHandshakeDue(record.set, clock.now());
    if (!isDue || clock.now() < (record?.claimAfter ?? 0)) return undefined;
    try {
      return await requests.claim(device, first.conversation, settings);
    } catch (error) {
      if (!(error instanceof AnimaError) || error.retryable || error.code === 'aborted') throw error;
      await turn(() => this.#pauseClaims(device));
      return undefined;
    }
  }

  async #pauseClaims(device: string): Promise<void> {
    const record = await loadPeer(this.#context, device);
    const keys = keysOf(this.#context, device, record?.certificate);
    if (keys === undefined) return;
    const changes = new Changes();
    stagePeer(changes, { ...(record ?? newPeer(keys)), claimAfter: this.#context.clock.now() + claimPause });
    await this.#context.store.write(changes);
  }

  /** Begins a session with a claimed bundle. Unchanged if it is not a valid one of this device. */
  #begin(device: string, record: PeerRecord | undefined, claimed: ClaimedBundle): PeerRecord | undefined {
    const context = this.#context;
    const now = context.clock.now();
    const certified = withCertificate(context, device, record, claimed.certificate);
    const keys = keysOf(context, device, certified?.certificate);
    if (keys === undefined) return certified;
    const peer = certified ?? newPeer(keys);
    const bundle = acceptBundle(context.own.org, keys.device, claimed.bundle, now, peer.bundle);
    // An old bundle, or one of somebody else. The device waits for another answer.
    if (bundle === undefined) return { ...peer, claimAfter: now + claimPause };
    const opk =
      claimed.oneTimePrekey === undefined
        ? undefined
        : readOneTimePrekey(context.own.org, keys.device, claimed.oneTimePrekey);
    const prekeys = { spk: bundle.signedPrekey, kem: bundle.kemKey, ...(opk && { opk }) };
    const seen = { number: bundle.seq, hash: bundle.hash };
    try {
      return { ...peer, bundle: seen, set: beginSession(peer.set, context.own, prekeys, now) };
    } catch {
      return { ...peer, claimAfter: now + claimPause };
    }
  }

  async #seal(device: string, claimed: ClaimedBundle | undefined): Promise<boolean> {
    const context = this.#context;
    const before = await loadPeer(context, device);
    let record = claimed === undefined ? before : this.#begin(device, before, claimed);
    if (record === undefined) return false;
    const changes = new Changes();
    const isNew = claimed !== undefined;
    let sealed = 0;
    if (record.set.sessions.length > 0) {
      for (const one of await this.#sealable(device)) {
        if (!(await this.#isAllowed(device, record, one.conversation))) {
          await this.#refuse(changes, device, one);
          continue;
        }
        const content = { ...one.content, head: context.directory.state.head };
        const { set, bytes } = sealMessage(record.set, content, context.clock.now());
        record = { ...record, set, counter: record.counter + 1 };
        const out: OutItem = { message: bytes, conversation: one.conversation, todo: [one.name, one.todo] };
        changes.put(outName(device, record.counter), out).delete(one.name);
        sealed++;
      }
    }
    if (isNew || sealed > 0) stagePeer(changes, record);
    await context.store.write(changes);
    erasePeer(before, record);
    return sealed > 0;
  }

  async #isAllowed(device: string, record: PeerRecord, conversation: string | undefined): Promise<boolean> {
    const party = partyOf(this.#context, device, record.certificate);
    const found = conversation === undefined ? undefined : await this.#book.find(conversation);
    if (party === undefined || (conversation !== undefined && found === undefined)) return false;
    return mayExchange(this.#context, 'to', party, found?.conversation);
  }

  async #refuse(changes: Changes, device: string, { name, todo, content }: Sealable): Promise<void> {
    changes.delete(name);
    if (todo.kind === 'control') return;
    await setDelivery(this.#context, changes, todo.id, device, 'refused');
    this.#context.notify({ kind: 'message_refused', detail: `device ${device}, conversation ${content.conversation}` });
  }

  /** The next todos of a device with their contents. */
  async #sealable(device: string): Promise<readonly Sealable[]> {
    const { store, sequence, clock } = this.#context;
    const found: Sealable[] = [];
    for (const name of (await store.names(`${prefixes.todo}${device}/`)).slice(0, messagesAtOnce)) {
      const todo = await store.item<TodoItem>(name);
      if (todo?.kind === 'control') {
        const changes = new Changes();
        const counter = sequence.control(changes);
        await store.write(changes);
        const content = { id: randomId16(), conversation: controlPlace, counter, time: clock.now() };
        found.push({
          name,
          todo,
          conversation: todo.conversation,
          content: { ...content, type: todo.type, body: todo.body },
        });
      } else if (todo !== undefined) {
        const sent = await store.item<SentItem>(prefixes.sent + todo.id);
        const id = fromHex(todo.id);
        if (sent?.body === undefined || id === undefined) {
          await store.write(new Changes().delete(name));
          continue;
        }
        const { place, isLink, counter, time, type, body } = sent;
        const content = { id, conversation: place, counter, time, type, body };
        found.push({ name, todo, conversation: isLink ? undefined : place, content });
      }
    }
    return found;
  }

  async #sendAll(blocked: Set<string>, settings: Settings): Promise<number> {
    let sent = 0;
    for (;;) {
      const messages = await this.#nextOut(blocked);
      if (messages.length === 0) return sent;
      const results = await this.#context.requests.send(messages, settings);
      // Each message is settled, or its device is blocked, so this ends.
      for (const { to, counter, item } of messages) {
        const result = results.find((one) => one.to === to && one.counter === counter);
        if (await this.#context.turn(() => this.#settle(to, counter, item, result))) sent++;
        else if (result?.outcome !== 'not_allowed') blocked.add(to);
      }
    }
  }

  /** The oldest sealed messages, without those for blocked devices. */
  async #nextOut(blocked: ReadonlySet<string>): Promise<readonly (OutgoingMessage & { readonly item: OutItem })[]> {
    const { store } = this.#context;
    const names = (await store.names(prefixes.out)).filter((name) => !blocked.has(name.split('/')[1] ?? ''));
    const messages: (OutgoingMessage & { readonly item: OutItem })[] = [];
    for (const name of names.slice(0, messagesAtOnce)) {
      const [, to = '', counter = ''] = name.split('/');
      const item = await store.item<OutItem>(name);
      if (item === undefined) continue;
      const { message, conversation } = item;
      messages.push({ to, counter: Number.parseInt(counter, 16), conversation, message, item });
    }
    return messages;
  }

  /** @returns whether the relay has the message */
  async #settle(to: string, counter: number, { todo }: OutItem, result: MessageResult | undefined): Promise<boolean> {
    const { store, notify } = this.#context;
    const name = outName(to, counter);
    if ((await store.bytes(name)) === undefined) return false;
    const changes = new Changes();
    const id = todo?.[1].kind === 'message' ? todo[1].id : undefined;
    switch (result?.outcome) {
      case 'stored':
      case 'acknowledged':
        if (id !== undefined) await setDelivery(this.#context, changes, id, to, 'sent');
        await store.write(changes.delete(name));
        return true;
      case 'not_allowed':
        if (id !== undefined) await setDelivery(this.#context, changes, id, to, 'refused');
        await store.write(changes.delete(name));
        notify({ kind: 'message_refused', detail: `device ${to}` });
        return false;
      case 'counter_used':
        await this.#continueAbove(to, result.highest ?? counter);
        return false;
      default:
        return false;
    }
  }

  /** The relay knows messages that this device does not: it was restored from a backup (section 8). */
  async #continueAbove(to: string, highest: number): Promise<void> {
    const context = this.#context;
    if (!(Number.isSafeInteger(highest) && highest >= 0 && highest < highestUsable)) return;
    const changes = new Changes();
    await afterRestore(context, changes, to);
    const record = await loadPeer(context, to);
    if (record !== undefined) {
      stagePeer(changes, {
        ...record,
        set: requireHandshake(record.set),
        counter: Math.max(record.counter, highest),
        claimAfter: 0,
      });
    }
    await context.store.write(changes);
    this.#prekeys.replaceSoon();
    context.notify({ kind: 'counter_reused', detail: `device ${to}` });
  }
}
