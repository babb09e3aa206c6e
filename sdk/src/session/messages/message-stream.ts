/** The messages for the application, with polling in between. */
import { type Bytes, toHex } from '../../../../core/encoding/bytes.ts';
import { openAttachment } from '../../../../core/sessions/attachment.ts';
import type { CallOptions, CallSettings, Signal } from '../../shared/client-options.ts';
import { AnimaError } from '../../shared/errors.ts';
import type { SessionContext } from '../session-context.ts';
import { isTemporary, type SessionEngine } from '../session-engine.ts';
import { sessionError } from '../session-errors.ts';
import type { ReceivedMessage } from '../session-types.ts';
import { Changes } from '../storage/session-store.ts';
import { type InboxItem, prefixes } from './message-items.ts';

/** Without a socket (docs/session-service.md, section 8), and the longest time after failures. */
export const pollMs = 15_000;
const maxPollMs = 300_000;
/** A timer that is late by this much was stopped by a sleep. */
export const sleepMs = 120_000;

type ToSettings = (options: CallOptions) => CallSettings;

export class MessageStream {
  readonly #engine: SessionEngine;
  readonly #settings: ToSettings;
  #isReading = false;

  constructor(engine: SessionEngine, settings: ToSettings) {
    this.#engine = engine;
    this.#settings = settings;
  }

  /** The messages that were not confirmed, in order; then new ones, until `signal` fires. */
  async *read(options: CallOptions): AsyncGenerator<ReceivedMessage, void, undefined> {
    if (this.#isReading) throw sessionError('already_reading');
    this.#isReading = true;
    const { store } = this.#engine.context;
    const settings = this.#settings(options);
    const isEnded = () => settings.signal?.aborted === true;
    // Failures in a row.
    let failures = 0;
    try {
      while (!isEnded()) {
        yield* this.#inbox(isEnded);
        if (isEnded()) return;
        failures = await this.#round(failures, settings);
        if ((await store.names(prefixes.inbox)).length === 0) failures = await this.#pause(failures, settings);
      }
    } catch (error) {
      if (!(error instanceof AnimaError && error.code === 'aborted' && isEnded())) throw error;
    } finally {
      this.#isReading = false;
    }
  }

  async *#inbox(isEnded: () => boolean): AsyncGenerator<ReceivedMessage, void, undefined> {
    const { store } = this.#engine.context;
    for (const name of await store.names(prefixes.inbox)) {
      const item = await store.item<InboxItem>(name);
      if (item === undefined) continue;
      const message = this.#message(name, item);
      yield message;
      // The application asked for the next one, so it is done with this one.
      await message.confirm();
      if (isEnded()) return;
    }
  }

  async #round(failures: number, settings: CallSettings): Promise<number> {
    try {
      await this.#engine.sync(settings);
      return 0;
    } catch (error) {
      if (!isTemporary(error)) throw error;
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
      this.#engine.context.notify({ kind: 'sync_failed', detail: code });
      return failures + 1;
    }
  }

  /** Waits for the next poll, or until the device wakes. */
  async #pause(failures: number, settings: CallSettings): Promise<number> {
    const { clock } = this.#engine.context;
    const ms = failures === 0 ? pollMs : Math.min(maxPollMs, pollMs * 2 ** failures) * (0.5 + Math.random() / 2);
    const before = clock.now();
    const controller = new AbortController();
    let isAwake = false;
    const stop = () => controller.abort();
    settings.signal?.addEventListener('abort', stop, { once: true });
    const end = clock.onWake?.(() => {
      isAwake = true;
      controller.abort();
    });
    try {
      await clock.wait(ms, { signal: controller.signal as Signal, outcomeHint: settings.outcomeHint });
    } catch (error) {
      if (!isAwake || settings.signal?.aborted === true) throw error;
    } finally {
      end?.();
      settings.signal?.removeEventListener('abort', stop);
    }
    if (!isAwake && clock.now() - before <= ms + sleepMs) return failures;
    this.#engine.forgetAges();
    return 0;
  }

  #message(name: string, item: InboxItem): ReceivedMessage {
    return receivedMessage(this.#engine.context, item, this.#settings, () => confirm(this.#engine.context, name));
  }
}

/** The application has the message. */
async function confirm({ store, turn, historyDays }: SessionContext, name: string): Promise<void> {
  await turn(async () => {
    const item = await store.item<InboxItem>(name);
    if (item === undefined) return;
    const changes = new Changes().delete(name);
    if (historyDays > 0) changes.put(prefixes.history + name.slice(prefixes.inbox.length), item);
    await store.write(changes);
  });
}

/** A stored message as the application sees it. */
export function receivedMessage(
  context: SessionContext,
  item: InboxItem,
  toSettings: ToSettings,
  confirm: () => Promise<void>,
): ReceivedMessage {
  const { sender, person, role, place, counter, isLate, isOwn, type, body } = item;
  const read = async (options: CallOptions = {}): Promise<Bytes> =>
    body instanceof Uint8Array ? body.slice() : await download(context, item, toSettings(options));
  return {
    ...{ id: toHex(item.id), conversation: place, counter, isLate, isOwn, type },
    sender: { device: sender, person, role },
    time: new Date(item.time),
    length: body.length,
    read,
    text: async (options) => new TextDecoder().decode(await read(options)),
    confirm,
  };
}

/** Downloads an attachment. The hashes in the message decide whether it is the right one. */
async function download(
  { own, requests }: SessionContext,
  { id, body }: InboxItem,
  settings: CallSettings,
): Promise<Bytes> {
  if (body instanceof Uint8Array || requests.attachments === undefined) throw sessionError('attachment_damaged');
  const bytes = await requests.attachments.get(body.blob, settings);
  try {
    return openAttachment(own.org, id, body, bytes);
  } catch {
    throw sessionError('attachment_damaged');
  }
}
