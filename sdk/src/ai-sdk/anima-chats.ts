/** Chats of the AI SDK: lists of messages. */

import { toBase64Url, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { createTimeId } from '../../../core/encoding/time-ordered-id.ts';
import { type LongRecord, LongRecords, type RecordPlace } from '../agent-memory/long-records.ts';
import {
  checkRoot,
  deleteAll,
  type MemoryCalls,
  mapConcurrent,
  objectOf,
  toPart,
} from '../agent-memory/memory-calls.ts';
import { parseTagged, stringifyTagged } from '../agent-memory/tagged-json.ts';
import { notSentError } from '../shared/argument-validation.ts';
import { checkOptions } from '../shared/check-options.ts';
import { createError } from '../shared/errors.ts';

export interface AnimaChatsOptions {
  /** Where the chats are stored. Default: `['ai-sdk-chats']`. At most 5 levels. */
  namespace?: readonly string[] | undefined;
}

export interface ChatInfo {
  readonly chatId: string;
  /** Number of messages. */
  readonly messages: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A message of a chat: the digest of its content, and the key of its record. */
interface Entry {
  readonly digest: string;
  readonly key: string;
}

/** Levels that are added to the root: chat, kind, set of parts. */
const chatLevels = 3;
/** Attempts to read a chat while others save it. */
const maxAttempts = 10;

/**
 * Chats in the memory of one user, for the persistence of the AI SDK: `UIMessage[]` or `ModelMessage[]`. A save writes only
 * messages that the stored chat does not have. A reader sees the whole of one save.
 */
export class AnimaChats<Message extends { readonly role: string }> {
  readonly #memory: MemoryCalls;
  readonly #records: LongRecords;
  readonly #root: readonly string[];

  /** @param memory `client.memory` of a client with a user key or a session */
  constructor(memory: MemoryCalls, options: AnimaChatsOptions = {}) {
    checkOptions(options, ['namespace']);
    this.#memory = memory;
    this.#records = new LongRecords(memory);
    this.#root = checkRoot(options.namespace ?? ['ai-sdk-chats'], chatLevels);
  }

  /** Creates an empty chat. @returns its id */
  async create(): Promise<string> {
    const chatId = newKey();
    await this.save({ chatId, messages: [] });
    return chatId;
  }

  /** The messages of a chat, in order. Empty if there is no such chat. */
  async load(chatId: string): Promise<Message[]> {
    const home = await this.#homeOf(chatId);
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const entries = entriesOf(await this.#records.get(chatPlace(home)));
      const messages = await this.#readMessages(home, entries);
      if (messages !== undefined) return messages;
    }
    throw createError('decryption_failed', { detail: 'messages of the chat are missing. Nothing was returned' });
  }

  /**
   * Stores the messages of a chat. They replace those that are stored; of two saves at the same time, the last one counts.
   * @throws AnimaError invalid_argument, record_too_large
   */
  async save({ chatId, messages }: { chatId: string; messages: readonly Message[] }): Promise<void> {
    const home = await this.#homeOf(chatId);
    const texts = messages.map(stringifyTagged);
    const digests = await Promise.all(texts.map(digestOf));
    const written = new Map<string, string>();
    let before: readonly Entry[] = [];
    let after: readonly Entry[] = [];
    await this.#records.update(
      chatPlace(home),
      async (stored) => {
        before = entriesOf(stored);
        // Only messages of the chat as it was just read are used again: another save may have deleted all others.
        const known = new Map([...before.map(({ digest, key }) => [digest, key] as const), ...written]);
        after = await mapConcurrent(digests, async (digest, at) => {
          const key = known.get(digest) ?? newKey();
          if (!known.has(digest)) {
            known.set(digest, key);
            written.set(digest, key);
            await this.#records.create(messagePlace(home, key), { fields: { key }, text: texts[at] ?? '' });
          }
          return { digest, key };
        });
        return { fields: { chatId, messages: messages.length, kind: 'chat' }, text: JSON.stringify(after) };
      },
      { index: ['kind'] },
    );
    const used = new Set(after.map(({ key }) => key));
    const stale = [...before.map(({ key }) => key), ...written.values()].filter((key) => !used.has(key));
    await mapConcurrent(stale, async (key) => await this.#records.delete(messagePlace(home, key)));
  }

  /** All chats, the one that was saved last first. */
  async list(): Promise<ChatInfo[]> {
    const found = await this.#memory.find({ namespace: this.#root, filter: { kind: 'chat' } }).toArray();
    const chats = found.map(({ data, createdAt, updatedAt }) => {
      const { chatId, messages } = objectOf(data) ?? {};
      const times = { createdAt: new Date(createdAt), updatedAt: new Date(updatedAt) };
      return { chatId: String(chatId), messages: Number(messages), ...times };
    });
    return chats.sort((a, b) => b.updatedAt.getTime() - a.updatedAt.getTime());
  }

  /** Deletes a chat. @returns false if there was none */
  async delete(chatId: string): Promise<boolean> {
    const home = await this.#homeOf(chatId);
    const deleted = await this.#records.delete(chatPlace(home));
    await deleteAll(this.#memory, home);
    return deleted;
  }

  /** Undefined if a message is missing, because another save has replaced the chat. */
  async #readMessages(home: readonly string[], entries: readonly Entry[]): Promise<Message[] | undefined> {
    if (entries.length === 0) return [];
    const found = await this.#memory.find({ namespace: messagePlace(home, '').namespace }).toArray();
    const byKey = new Map(found.map((record) => [record.key, record]));
    const messages = await mapConcurrent(entries, async ({ key }) => {
      const record = byKey.get(key);
      if (record === undefined) return [];
      return [parseTagged((await this.#records.open(messagePlace(home, key), record)).text) as Message];
    });
    return messages.every((one) => one.length === 1) ? messages.flat() : undefined;
  }

  async #homeOf(chatId: unknown): Promise<readonly string[]> {
    if (typeof chatId === 'string' && chatId !== '') return [...this.#root, await toPart(chatId)];
    throw notSentError('invalid_argument', 'chatId must be a text');
  }
}

const chatPlace = (home: readonly string[]): RecordPlace => ({
  namespace: [...home, 'chat'],
  key: 'chat',
  parts: [...home, 'parts'],
});

const messagePlace = (home: readonly string[], key: string): RecordPlace => ({
  namespace: [...home, 'messages'],
  key,
  parts: [...home, 'parts'],
});

const newKey = (): string => createTimeId(Date.now(), crypto.getRandomValues(new Uint8Array(16)));

async function digestOf(text: string): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8Bytes(text))));
}

function entriesOf(stored: LongRecord | undefined): Entry[] {
  const entries: unknown = stored === undefined ? [] : JSON.parse(stored.text);
  if (!Array.isArray(entries)) return [];
  return entries.map((entry) => {
    const { digest, key } = objectOf(entry) ?? {};
    return { digest: String(digest), key: String(key) };
  });
}
