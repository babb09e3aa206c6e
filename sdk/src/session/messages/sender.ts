/** Writes messages into the queue of this device. They are sealed and sent by the outbox. */
import type { Conversation } from '../../../../core/directory/conversation.ts';
import { type Bytes, toHex, utf8Bytes } from '../../../../core/encoding/bytes.ts';
import { randomId16 } from '../../../../core/sessions/device-secrets.ts';
import { filesType } from '../../../../core/sessions/file-list.ts';
import { maxAttachmentBytes, maxInlineBody } from '../../../../core/sessions/limits.ts';
import { notSentError } from '../../shared/argument-validation.ts';
import type { ConversationBook } from '../conversations/conversation-book.ts';
import { isCurrentFor, linkBetween, mayExchange, rosterOf } from '../conversations/roster.ts';
import type { SessionContext, Settings } from '../session-context.ts';
import { sessionError } from '../session-errors.ts';
import type { ConversationDevice, MessageBody, TransferProgress } from '../session-types.ts';
import { Changes } from '../storage/session-store.ts';
import { prefixes, type SentItem, type TodoItem, todoName } from './message-items.ts';
import { keysOf, loadPeer, partyOf } from './peer-records.ts';

/** Devices of a conversation, this one included. */
const maxDevices = 16;

/** Where a message goes: a conversation, or another agent by a link. */
export type Target = string | { readonly agent: string };

/** Loaded with the first attachment. */
const loadAttachments = () => import('./attachments.ts');

/** @throws SessionError body_too_large */
function bodyBytes(body: string | Uint8Array): Bytes {
  const bytes = typeof body === 'string' ? utf8Bytes(body) : new Uint8Array(body);
  if (bytes.length > maxAttachmentBytes) throw sessionError('body_too_large');
  return bytes;
}

interface QueueOptions {
  readonly type?: string | undefined;
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined;
}

interface Recipients {
  readonly place: string;
  readonly isLink: boolean;
  readonly devices: readonly ConversationDevice[];
}

interface LinkTrack {
  readonly counter: number;
}

const linkName = (id: string): string => `link/${id}`;

/** @throws AnimaError invalid_argument */
function checkType(type: unknown): string {
  if (typeof type === 'string' && /^[\x21-\x7e]{1,127}$/.test(type) && !type.startsWith('anima/')) return type;
  throw notSentError('invalid_argument', 'type must be 1 to 127 visible ASCII characters, and not begin with anima/');
}

export class Sender {
  readonly #context: SessionContext;
  readonly #book: ConversationBook;

  constructor(context: SessionContext, book: ConversationBook) {
    this.#context = context;
    this.#book = book;
  }

  /**
   * Puts a message into the queue. Only attachments send something.
   * @returns id of the message in hex
   */
  async queue(
    target: Target,
    body: MessageBody,
    { type: given, onProgress }: QueueOptions,
    settings: Settings,
  ): Promise<string> {
    const isPlain = typeof body === 'string' || body instanceof Uint8Array;
    if (!isPlain && given !== undefined)
      throw notSentError('invalid_argument', 'a message with files has no type of its own');
    const type = checkType(given ?? (typeof body === 'string' ? 'text/plain' : 'application/octet-stream'));
    const bytes = isPlain ? bodyBytes(body) : undefined;
    const id = randomId16();
    // Before anything is uploaded, and again when it is stored.
    await this.#recipients(target);
    if (!isPlain) {
      const { uploadFiles } = await loadAttachments();
      const list = await uploadFiles(this.#context, id, body.text ?? '', body.files, settings, onProgress);
      await this.#context.turn(() => this.#store(target, id, list, filesType));
    } else if (bytes !== undefined) {
      const isLong = bytes.length > maxInlineBody;
      const content = isLong
        ? await (await loadAttachments()).uploadBody(this.#context, id, bytes, settings, onProgress)
        : bytes;
      await this.#context.turn(() => this.#store(target, id, content, type));
    }
    return toHex(id);
  }

  async #store(target: Target, id: Bytes, body: SentItem['body'], type: string): Promise<void> {
    const { store, sequence, clock } = this.#context;
    const { place, isLink, devices } = await this.#recipients(target);
    const changes = new Changes();
    const counter = await this.#nextCounter(changes, place, isLink);
    const item: SentItem = {
      ...{ id, place, isLink, counter, time: clock.now(), type, body },
      devices: Object.fromEntries(devices.map(({ device }) => [device, 'queued' as const])),
      // An agent is a participant of its own, whoever it belongs to.
      persons: Object.fromEntries(
        devices.map(({ device, person, role }) => [device, role === 'owner' ? person : device]),
      ),
    };
    changes.put(prefixes.sent + toHex(id), item);
    for (const { device } of devices) {
      const number = sequence.item(changes);
      const todo: TodoItem = { kind: 'message', id: toHex(id) };
      changes.put(todoName(device, 'message', number), todo);
      changes.put(`${prefixes.unconfirmed}${device}/${number}`, todo);
    }
    await store.write(changes);
  }

  async #nextCounter(changes: Changes, place: string, isLink: boolean): Promise<number> {
    if (isLink) {
      const counter = ((await this.#context.store.item<LinkTrack>(linkName(place)))?.counter ?? 0) + 1;
      changes.put(linkName(place), { counter });
      return counter;
    }
    const found = await this.#book.find(place);
    if (found === undefined) throw sessionError('unknown_conversation', place);
    this.#book.stageCounter(changes, place, found.item, found.item.counter + 1);
    return found.item.counter + 1;
  }

  async #recipients(target: Target): Promise<Recipients> {
    if (this.#context.directory.isForked) throw sessionError('directory_forked');
    return typeof target === 'string' ? await this.#ofConversation(target) : await this.#ofLink(target.agent);
  }

  async #ofConversation(id: string): Promise<Recipients> {
    const found = await this.#book.find(id);
    if (found === undefined) throw sessionError('unknown_conversation', id);
    if (!isCurrentFor(this.#context, found.conversation)) throw sessionError('not_allowed', id);
    const unaccepted = await this.#book.unaccepted(id);
    if (unaccepted.length > 0)
      throw sessionError('participants_changed', unaccepted.map(({ device }) => device).join(', '));
    const devices = await this.#allowed(found.conversation);
    if (devices.length >= maxDevices) throw sessionError('too_many_devices');
    if (devices.length === 0) throw sessionError('not_allowed', 'no other device takes part');
    return { place: id, isLink: false, devices };
  }

  async #allowed(conversation: Conversation): Promise<ConversationDevice[]> {
    const context = this.#context;
    const allowed: ConversationDevice[] = [];
    for (const one of rosterOf(context, conversation)) {
      if (one.device === context.own.device.id) continue;
      const peer = await loadPeer(context, one.device);
      const party = partyOf(context, one.device, peer?.certificate);
      // Without a certificate yet, the rules are asked when the message is sealed.
      if (party === undefined || mayExchange(context, 'to', party, conversation)) allowed.push(one);
    }
    return allowed;
  }

  async #ofLink(agent: string): Promise<Recipients> {
    const context = this.#context;
    const peer = await loadPeer(context, agent);
    const party = partyOf(context, agent, peer?.certificate);
    const place = linkBetween(context, agent, peer?.certificate);
    if (party === undefined || place === undefined || keysOf(context, agent, peer?.certificate) === undefined)
      throw sessionError('not_allowed', 'the agent is unknown or not active');
    if (!mayExchange(context, 'to', party, undefined)) throw sessionError('not_allowed', 'there is no confirmed link');
    return { place, isLink: true, devices: [{ device: agent, person: '', role: 'agent' }] };
  }
}
