/** Messages as records. A message is found by its id, its thread, and its resource. */

import type { MastraDBMessage } from '@mastra/core/memory';
import type { LongRecord } from '../agent-memory/long-records.ts';
import { mapConcurrent, objectOf, toPart } from '../agent-memory/memory-calls.ts';
import { parseTagged, stringifyTagged } from '../agent-memory/tagged-json.ts';
import type { MemoryRecord } from '../memory/memory-types.ts';
import { notSentError } from '../shared/argument-validation.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';
import { checkId, namespaceOf, placeOf, type RecordStorage } from './record-places.ts';

/** A message that was found, but not read: its text might be in several records. */
export interface FoundMessage {
  readonly id: string;
  /** `createdAt` in milliseconds. */
  readonly time: number;
  readonly order: number;
  readonly record: MemoryRecord;
}

/** What a filter of the vault finds. */
export interface MessageOwner {
  readonly threadId?: string | undefined;
  readonly resourceId?: string | undefined;
}

/** A reader of the table can recognize which messages are in one thread, and which are of one resource. */
const index = { index: ['thread', 'resource'] };

export class MessageRecords {
  readonly #storage: RecordStorage;

  constructor(storage: RecordStorage) {
    this.#storage = storage;
  }

  /** Messages of a thread, of a resource or of both, in the order in which they were stored. */
  async find(owner: MessageOwner): Promise<FoundMessage[]> {
    const options = { namespace: namespaceOf(this.#storage.root, 'messages'), filter: await filterOf(owner) };
    const found = (await this.#storage.memory.find(options).toArray()).map(toFound);
    return found.sort((a, b) => a.order - b.order);
  }

  /** Reads messages that were found. A long message that was deleted in the meantime is left out. */
  async open(found: readonly FoundMessage[]): Promise<MastraDBMessage[]> {
    const opened = await mapConcurrent(found, async ({ id, record }) => {
      const place = await placeOf(this.#storage.root, 'messages', id);
      try {
        return [messageOf(await this.#storage.records.open(place, record))];
      } catch (error) {
        if ((await this.#storage.records.get(place)) === undefined) return [];
        throw error;
      }
    });
    return opened.flat();
  }

  async get(id: string): Promise<MastraDBMessage | undefined> {
    const stored = await this.#storage.records.get(await placeOf(this.#storage.root, 'messages', id));
    return stored === undefined ? undefined : messageOf(stored);
  }

  /** Stores messages with different ids, or replaces them. */
  async put(messages: readonly MastraDBMessage[]): Promise<void> {
    const drafts = messages.map((message) => ({
      message,
      text: stringifyMessage(message),
      order: this.#storage.order.next(),
    }));
    await mapConcurrent(drafts, async ({ message, text, order }) => {
      const place = await placeOf(this.#storage.root, 'messages', message.id);
      const record = { fields: await fieldsOf(message, order), text };
      if (await this.#storage.records.create(place, record, index)) return;
      // A replaced message stays where it was in the order.
      const replace = (stored: LongRecord | undefined) => ({
        ...record,
        fields: { ...record.fields, order: stored?.fields.order ?? order },
      });
      await this.#storage.records.update(place, replace, index);
    });
  }

  /** Changes a message. Undefined if there is none. */
  async change(
    id: string,
    change: (stored: MastraDBMessage) => MastraDBMessage,
  ): Promise<{ before: MastraDBMessage; after: MastraDBMessage } | undefined> {
    let result: { before: MastraDBMessage; after: MastraDBMessage } | undefined;
    const replace = async (stored: LongRecord | undefined) => {
      result = undefined;
      if (stored === undefined) return undefined;
      const before = messageOf(stored);
      const after = change(before);
      result = { before, after };
      return { fields: await fieldsOf(after, Number(stored.fields.order)), text: stringifyMessage(after) };
    };
    await this.#storage.records.update(await placeOf(this.#storage.root, 'messages', id), replace, index);
    return result;
  }

  async delete(id: string): Promise<boolean> {
    return await this.#storage.records.delete(await placeOf(this.#storage.root, 'messages', id));
  }

  /** Deletes the messages of a thread, damaged ones too. */
  async deleteThread(threadId: string): Promise<void> {
    const damaged: string[] = [];
    const filter = await filterOf({ threadId });
    const namespace = namespaceOf(this.#storage.root, 'messages');
    const place = await placeOf(this.#storage.root, 'messages', threadId);
    const found = this.#storage.memory.find({ namespace, filter, onDamaged: (id) => damaged.push(id) });
    for await (const { records } of found.pages())
      await mapConcurrent(records, async (record) => await this.#storage.records.remove(place, record));
    await mapConcurrent(damaged, async (id) => await this.#storage.memory.delete(id));
  }
}

async function filterOf({ threadId, resourceId }: MessageOwner): Promise<Record<string, string>> {
  return {
    ...(threadId === undefined ? {} : { thread: await toPart(threadId) }),
    ...(resourceId === undefined ? {} : { resource: await toPart(resourceId) }),
  };
}

const fieldsOf = async ({ id, threadId, resourceId, createdAt }: MastraDBMessage, order: number) => ({
  ...(await filterOf({ threadId, resourceId })),
  id,
  order,
  time: createdAt.getTime(),
});

function toFound(record: MemoryRecord): FoundMessage {
  const { id, time, order } = objectOf(record.data) ?? {};
  return { id: String(id), time: Number(time), order: Number(order), record };
}

const messageOf = ({ text }: LongRecord): MastraDBMessage => parseTagged(text) as MastraDBMessage;

const stringifyMessage = ({ content, ...rest }: MastraDBMessage): string =>
  // Mastra's stores keep content as JSON: a date in it is read as a text.
  stringifyTagged({ ...rest, content: toJson(content) });

/** @throws AnimaError invalid_argument */
function toJson(content: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(content));
  } catch {
    throw notSentError('invalid_argument', 'the content of a message must be JSON');
  }
}

/**
 * A message as it is stored: only the members that Mastra's stores keep. Content that is a text becomes the form of
 * version 2.
 * @throws AnimaError invalid_argument
 */
export function checkMessage(message: MastraDBMessage): MastraDBMessage {
  const { id, threadId, resourceId, role, type, createdAt } = message;
  for (const owner of [threadId, resourceId]) if (owner !== undefined && owner !== '') checkId(owner);
  const date = new Date(createdAt ?? Date.now());
  if (Number.isNaN(date.getTime())) throw notSentError('invalid_argument', 'createdAt of a message must be a time');
  return {
    id: checkId(id),
    ...(threadId ? { threadId } : {}),
    ...(resourceId ? { resourceId } : {}),
    role: role || 'user',
    type: type || 'text',
    createdAt: date,
    content: toContent(message.content),
  };
}

function toContent(content: unknown): MastraDBMessage['content'] {
  if (isPlainObject(content)) return content as unknown as MastraDBMessage['content'];
  if (typeof content === 'string') return { format: 2, content, parts: [{ type: 'text', text: content }] };
  throw notSentError('invalid_argument', 'the content of a message must be an object or a text');
}
