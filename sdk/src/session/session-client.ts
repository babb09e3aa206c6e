import { fingerprintOf } from '../../../core/directory/directory-ids.ts';
import type { Device } from '../../../core/directory/directory-state.ts';
import { writeEntry } from '../../../core/directory/write-entry.ts';
import { type Bytes, fromHex } from '../../../core/encoding/bytes.ts';
import { toBase32, toCodeGroups } from '../../../core/encoding/crockford-base32.ts';
import { filesType } from '../../../core/sessions/file-list.ts';
import type { Transport } from '../http/transport.ts';
import type { CallOptions, CallSettings } from '../shared/client-options.ts';
import { AnimaError } from '../shared/errors.ts';
import { Approvals } from './approvals/approvals.ts';
import { Conversations } from './conversations/conversations.ts';
import { sentMessageOf, stageReceipts } from './messages/delivery.ts';
import { type InboxItem, prefixes, type SentItem } from './messages/message-items.ts';
import { MessageStream } from './messages/message-stream.ts';
import { receivedMessage } from './messages/received-message.ts';
import type { Target } from './messages/sender.ts';
import { Push } from './push.ts';
import { isTemporary, type SessionEngine } from './session-engine.ts';
import { sessionError } from './session-errors.ts';
import type {
  MessageBody,
  ReceivedMessage,
  SentMessage,
  SessionDeviceInfo,
  SyncResult,
  TransferProgress,
} from './session-types.ts';
import { eraseOwnDevice, fingerprintOfOwn } from './storage/own-device.ts';
import { Changes } from './storage/session-store.ts';

const headCodeBytes = 20;
const maxAttempts = 8;

export interface SendOptions extends CallOptions {
  /** Media type. Default: `text/plain` for a string, `application/octet-stream` for bytes. */
  readonly type?: string | undefined;
  /** Progress of attachments and files. */
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined;
}

/**
 * A device of session custody. Messages are encrypted on it for each other device.
 *
 *     const client = await sessions.open({ org });
 *     await client.send(conversation, 'Hello');
 *     for await (const message of client.messages()) console.log(await message.text());
 */
export class SessionClient {
  readonly conversations: Conversations;
  readonly push: Push;
  readonly approvals: Approvals;
  readonly #engine: SessionEngine;
  readonly #transport: Pick<Transport, 'callSettings'>;
  readonly #stream: MessageStream;

  /** @internal */
  constructor(engine: SessionEngine, transport: Pick<Transport, 'callSettings'>) {
    this.#engine = engine;
    this.#transport = transport;
    this.conversations = new Conversations(engine, (...given) => this.#settings(...given));
    this.push = new Push(engine, (...given) => this.#settings(...given));
    this.approvals = new Approvals({
      engine,
      settings: (...given) => this.#settings(...given),
      suspend: (subject, options) => this.suspend(subject, options),
    });
    this.#stream = new MessageStream(engine, (...given) => this.#settings(...given));
  }

  get org(): string {
    return this.#engine.context.own.org;
  }

  /** Id of this device. */
  get device(): string {
    return this.#engine.context.own.device.id;
  }

  /** Person of this device, by the verified directory. Empty for a member of a fleet. */
  get person(): string {
    return this.#engine.context.directory.state.devices.get(this.device)?.person ?? '';
  }

  /** The fingerprint of a device, for people to compare. Default: this device. @throws SessionError subject_unknown */
  fingerprint(device: string = this.device): string {
    const { own, directory } = this.#engine.context;
    if (device === own.device.id) return fingerprintOfOwn(own);
    const found = directory.state.devices.get(device);
    if (found === undefined) throw sessionError('subject_unknown', device);
    return fingerprintOf(own.org, found);
  }

  /** The head of the directory that this device verified, for people to compare. */
  head(): { readonly seq: number; readonly code: string } {
    const { seq, hash } = this.#engine.context.directory.state.head;
    return { seq, code: toCodeGroups(toBase32(hash.subarray(0, headCodeBytes))) };
  }

  /** Whether the service was seen to show two directories. Nothing is sent then. */
  get isForked(): boolean {
    return this.#engine.context.directory.isForked;
  }

  /** Devices of the org, by the verified directory. Sends nothing. */
  devices(): readonly SessionDeviceInfo[] {
    const { directory, own, clock } = this.#engine.context;
    return directory.state.devices
      .values()
      .map((device) => deviceInfo(device, own.org, own.device.id, clock.now()))
      .sort((a, b) => (a.device < b.device ? -1 : 1));
  }

  /**
   * Queues a message, and tries to send it. It is stored first, so it is sent later if the service cannot be reached.
   * A body of more than 4,096 bytes, and files, are uploaded before; without a connection they are not queued.
   * @param body text, bytes, or `{text, files}` with at most 8 files of 16 MiB each
   * @param target a conversation, or `{agent}` with the id of an agent that has a link with this one
   * @throws SessionError unknown_conversation, participants_changed, not_allowed, body_too_large, directory_forked
   */
  async send(target: Target, body: MessageBody, options: SendOptions = {}): Promise<SentMessage> {
    const settings = this.#settings(options, 'type', 'onProgress');
    const id = await this.#engine.sender.queue(target, body, options, settings);
    await this.#engine.flush(settings).catch((error: unknown) => {
      const isAborted = error instanceof AnimaError && error.code === 'aborted';
      if (!isAborted && !isTemporary(error)) throw error;
    });
    return await this.delivery(id);
  }

  /** How far a message is. @throws SessionError message_unknown */
  async delivery(id: string): Promise<SentMessage> {
    const sent = await this.#engine.context.store.item<SentItem>(prefixes.sent + id);
    if (sent === undefined) throw sessionError('message_unknown', id);
    return sentMessageOf(sent, this.person);
  }

  /**
   * The messages that were not confirmed, then new ones as they arrive. It polls, survives lost connections, and goes on
   * after a restart. Each message is confirmed when the loop asks for the next one; `break` and an exception do not
   * confirm, so that message is given again. Ends when `signal` fires.
   * @throws SessionError already_reading
   */
  messages(options: CallOptions = {}): AsyncIterable<ReceivedMessage> {
    // Refuses wrong options at once, not when the first message is asked for.
    this.#settings(options);
    return this.#stream.read(options);
  }

  /** Tells the sender that a person read the message. */
  async markRead(message: Pick<ReceivedMessage, 'id' | 'conversation' | 'sender'>): Promise<void> {
    const id = fromHex(message.id);
    if (id?.length !== 16) throw sessionError('message_unknown', message.id);
    const { context, book } = this.#engine;
    await context.turn(async () => {
      const changes = new Changes();
      const place = (await book.find(message.conversation)) === undefined ? undefined : message.conversation;
      stageReceipts(context, changes, message.sender.device, place, 'read', [id]);
      await context.store.write(changes);
    });
  }

  /** Confirmed messages of a conversation that are still on this device (`historyDays`), oldest first. */
  async history(conversation: string): Promise<readonly ReceivedMessage[]> {
    const { context } = this.#engine;
    const found: ReceivedMessage[] = [];
    for await (const [, item] of context.store.items<InboxItem>(prefixes.history)) {
      if (item.place !== conversation) continue;
      found.push(
        receivedMessage(
          context,
          item,
          (...given) => this.#settings(...given),
          async () => undefined,
        ),
      );
    }
    return found;
  }

  /** Messages that this device sent to a conversation, oldest first, as long as it keeps their bodies (`historyDays`). */
  async sent(conversation: string): Promise<readonly SentText[]> {
    const found: SentText[] = [];
    for await (const [, item] of this.#engine.context.store.items<SentItem>(prefixes.sent)) {
      const { place, time, type, body } = item;
      // A list of files is no text.
      if (place !== conversation || type === filesType || !(body instanceof Uint8Array)) continue;
      found.push({
        ...sentMessageOf(item, this.person),
        time: new Date(time),
        type,
        text: new TextDecoder().decode(body),
      });
    }
    return found.sort((a, b) => a.time.getTime() - b.time.getTime());
  }

  /** One round: reads directory, conversations and messages, and sends what is queued. `messages` does it by itself. */
  sync(options: CallOptions = {}): Promise<SyncResult> {
    this.#engine.forgetAges();
    return this.#engine.sync(this.#settings(options));
  }

  /**
   * Confirms a further device of the own person, or an agent, a fleet or a link of it. For a device, a person compares the
   * fingerprint that it shows.
   * @throws SessionError fingerprint_differs, subject_unknown, change_refused
   */
  async countersign(subject: string, { fingerprint, ...options }: CountersignOptions = {}): Promise<void> {
    const settings = this.#settings(options, 'fingerprint');
    await this.#append(settings, () => {
      const { state } = this.#engine.context.directory;
      const found = state.devices.get(subject) ?? state.fleets.get(subject) ?? state.links.get(subject);
      if (found === undefined) throw sessionError('subject_unknown', subject);
      if ('ik' in found && fingerprintOf(this.org, found) !== fingerprint)
        throw sessionError('fingerprint_differs', subject);
      return { op: 'countersign', subject, entry: found.entry };
    });
  }

  /** Stops an agent or a fleet of the own person at once. Only an admin can resume it. */
  async suspend(subject: string, options: CallOptions = {}): Promise<void> {
    await this.#append(this.#settings(options), () => ({ op: 'suspend', subject, certificate: new Uint8Array(0) }));
  }

  /** Ends `messages`, waits for what is running, forgets the keys in memory, and lets others open this device. */
  async close(): Promise<void> {
    await this.#stream.close();
    await this.#engine.close();
    eraseOwnDevice(this.#engine.context.own);
  }

  async #append(settings: CallSettings, draft: () => Parameters<typeof writeEntry>[1]): Promise<void> {
    const engine = this.#engine;
    const { directory, requests, own, clock } = engine.context;
    await engine.exclusive(async () => {
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        await engine.follow(settings);
        const signed: Bytes = writeEntry(directory.state, draft(), clock.now(), own.ik);
        const reason = directory.wouldVoid(signed);
        if (reason !== undefined) throw sessionError('change_refused', reason);
        try {
          await requests.appendEntry(signed, settings);
          return await engine.follow(settings);
        } catch (error) {
          if (!(error instanceof AnimaError && error.code === 'log_conflict')) throw error;
        }
      }
      throw sessionError('too_many_conflicts');
    });
  }

  #settings(options: CallOptions, ...own: string[]): CallSettings {
    return this.#transport.callSettings(options, ...own);
  }

  toJSON(): { org: string; device: string } {
    return { org: this.org, device: this.device };
  }
}

/** A message that this device sent, with its body as UTF-8. */
export interface SentText extends SentMessage {
  readonly time: Date;
  readonly type: string;
  readonly text: string;
}

export interface CountersignOptions extends CallOptions {
  /** The fingerprint that the other device shows. Required for devices. */
  readonly fingerprint?: string | undefined;
}

export function deviceInfo(device: Device, org: string, own: string, now: number): SessionDeviceInfo {
  const { id, person, role, can, confirmed, expires } = device;
  const isExpired = expires !== 0 && now >= expires;
  const status = device.status !== 'active' ? device.status : !confirmed ? 'pending' : isExpired ? 'expired' : 'active';
  return { device: id, person, role, can, status, fingerprint: fingerprintOf(org, device), isThis: id === own };
}
