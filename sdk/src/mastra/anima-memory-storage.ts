/** The memory domain of Mastra's storage. */

import type { MastraDBMessage, StorageThreadType } from '@mastra/core/memory';
import {
  MemoryStorage,
  type StorageCloneThreadInput,
  type StorageCopyThreadOutput,
  type StorageListMessagesByResourceIdInput,
  type StorageListMessagesInput,
  type StorageListMessagesOutput,
  type StorageListThreadsInput,
  type StorageListThreadsOutput,
  type StorageResourceType,
} from '@mastra/core/storage';
import { LongRecords } from '../agent-memory/long-records.ts';
import { checkRoot, deleteAll, type MemoryCalls, mapConcurrent } from '../agent-memory/memory-calls.ts';
import { notSentError } from '../shared/argument-validation.ts';
import { checkOptions } from '../shared/check-options.ts';
import { createError } from '../shared/errors.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';
import { byTime, hasMetadata, readDateRange, readMetadataFilter, readPage } from './list-pages.ts';
import { listMessages } from './message-lists.ts';
import { checkMessage, MessageRecords } from './message-records.ts';
import { checkId, placeLevels, StorageOrder } from './record-places.ts';
import { ResourceRecords, ThreadRecords } from './thread-records.ts';

export interface AnimaMemoryStorageOptions {
  /** Where the records are stored. Default: `['mastra-memory']`. At most 6 levels. */
  namespace?: readonly string[] | undefined;
}

type MessageUpdate = Parameters<MemoryStorage['updateMessages']>[0]['messages'][number];

/** Number of threads on a page by default. */
const threadsPerPage = 100;

/**
 * Stores threads, messages and working memory in the memory of one user: `new MastraCompositeStore({ id, domains: {
 * memory: new AnimaMemoryStorage(client.memory) } })`. Several processes can use it at the same time.
 */
export class AnimaMemoryStorage extends MemoryStorage {
  override readonly supportsPartialThreadUpdate = true;
  readonly #memory: MemoryCalls;
  readonly #root: readonly string[];
  readonly #threads: ThreadRecords;
  readonly #messages: MessageRecords;
  readonly #resources: ResourceRecords;

  /** @param memory `client.memory` of a client with a user key or a session */
  constructor(memory: MemoryCalls, options: AnimaMemoryStorageOptions = {}) {
    checkOptions(options, ['namespace']);
    super();
    this.#memory = memory;
    this.#root = checkRoot(options.namespace ?? ['mastra-memory'], placeLevels);
    const records = new LongRecords(memory);
    const storage = { memory, records, root: this.#root, order: new StorageOrder() };
    this.#threads = new ThreadRecords(storage);
    this.#messages = new MessageRecords(storage);
    this.#resources = new ResourceRecords(records, this.#root);
  }

  /** Deletes all threads, messages and resources of this storage. */
  async dangerouslyClearAll(): Promise<void> {
    await deleteAll(this.#memory, this.#root);
  }

  async getThreadById({ threadId, resourceId }: { threadId: string; resourceId?: string }) {
    const thread = await this.#threads.get(threadId);
    return thread === undefined || (resourceId !== undefined && thread.resourceId !== resourceId) ? null : thread;
  }

  async saveThread({ thread }: { thread: StorageThreadType }): Promise<StorageThreadType> {
    await this.#threads.put(thread);
    return thread;
  }

  /** @throws AnimaError record_not_found */
  async updateThread({ id, title, metadata }: { id: string; title?: string; metadata?: Record<string, unknown> }) {
    const changed = await this.#threads.change(id, (thread) => ({
      ...thread,
      ...(title === undefined ? {} : { title }),
      metadata: { ...thread.metadata, ...metadata },
      updatedAt: new Date(),
    }));
    return changed ?? throwNoThread();
  }

  /** @param input `update` is called again if another writer came in between, in this process or another */
  override async updateThreadMetadata({
    id,
    resourceId,
    update,
  }: Parameters<MemoryStorage['updateThreadMetadata']>[0]): Promise<StorageThreadType | null> {
    let isOther = false;
    const changed = await this.#threads.change(id, (thread) => {
      isOther = resourceId !== undefined && thread.resourceId !== resourceId;
      const metadata = isOther ? undefined : update(thread);
      if (metadata === undefined) return undefined;
      return { ...thread, metadata: { ...thread.metadata, ...metadata }, updatedAt: new Date() };
    });
    return changed === undefined || isOther ? null : changed;
  }

  /** Deletes a thread and its messages. A message that is stored at the same time might remain. */
  async deleteThread({ threadId }: { threadId: string }): Promise<void> {
    await this.#threads.delete(threadId);
    await this.#messages.deleteThread(threadId);
  }

  async listThreads({ page, perPage, orderBy, filter }: StorageListThreadsInput): Promise<StorageListThreadsOutput> {
    const wanted = readPage({ page, perPage }, threadsPerPage);
    const metadata = readMetadataFilter(filter?.metadata);
    const found = await this.#threads.find(filter?.resourceId || undefined);
    const threads = metadata === undefined ? found : found.filter((thread) => hasMetadata(thread.metadata, metadata));
    const field = orderBy?.field === 'updatedAt' ? 'updatedAt' : 'createdAt';
    threads.sort(byTime(orderBy, 'DESC', (thread) => thread[field].getTime()));
    return {
      threads: threads.slice(wanted.offset, wanted.offset + wanted.size),
      total: threads.length,
      page: wanted.page,
      perPage: wanted.perPage,
      hasMore: wanted.offset + wanted.size < threads.length,
    };
  }

  /** Copies a thread and its messages. The new thread is stored last, when all its messages are. */
  override async copyThread(args: StorageCloneThreadInput): Promise<StorageCopyThreadOutput> {
    const { sourceThreadId, newThreadId = crypto.randomUUID(), resourceId, title, metadata, options } = args;
    const source = (await this.#threads.get(sourceThreadId)) ?? throwNoThread();
    if ((await this.#threads.get(newThreadId)) !== undefined) throwThreadExists();
    const messages = await this.#messagesToCopy(sourceThreadId, options);
    const now = new Date();
    const lastMessageId = messages.at(-1)?.id;
    const clone = { sourceThreadId, clonedAt: now, ...(lastMessageId === undefined ? {} : { lastMessageId }) };
    const newTitle = title || (source.title ? `Clone of ${source.title}` : undefined);
    const thread: StorageThreadType = {
      id: newThreadId,
      resourceId: resourceId || source.resourceId,
      ...(newTitle === undefined ? {} : { title: newTitle }),
      metadata: { ...metadata, clone },
      createdAt: now,
      updatedAt: now,
    };
    const copies = messages.map((message) => ({
      ...message,
      id: crypto.randomUUID(),
      threadId: newThreadId,
      ...(resourceId ? { resourceId } : {}),
    }));
    await this.#messages.put(copies);
    if (!(await this.#threads.create(thread))) {
      await mapConcurrent(copies, async ({ id }) => await this.#messages.delete(id));
      throwThreadExists();
    }
    const messageIdMap = Object.fromEntries(messages.map(({ id }, at) => [id, copies[at]?.id ?? '']));
    return { thread, messageIdMap };
  }

  async listMessages(args: StorageListMessagesInput): Promise<StorageListMessagesOutput> {
    const threads = [...new Set([args.threadId].flat().map(checkId))];
    if (threads.length === 0) throw notSentError('invalid_argument', 'threadId must be an id, or a list of ids');
    const resourceId = args.resourceId || undefined;
    return await listMessages(this.#messages, args, { threads, resourceId });
  }

  override async listMessagesByResourceId(args: StorageListMessagesByResourceIdInput) {
    return await listMessages(this.#messages, args, { resourceId: checkId(args.resourceId) });
  }

  async listMessagesById({ messageIds }: { messageIds: string[] }): Promise<{ messages: MastraDBMessage[] }> {
    const found = await mapConcurrent([...new Set(messageIds)], async (id) => await this.#messages.get(id));
    return { messages: inOrder(found.filter((message) => message !== undefined)) };
  }

  /** Stores messages. If one cannot be stored, others might be: repeat the call. */
  async saveMessages({ messages }: { messages: MastraDBMessage[] }): Promise<{ messages: MastraDBMessage[] }> {
    // Of several messages with one id, the last one counts.
    const byId = new Map(messages.map((message) => [message.id, checkMessage(message)]));
    const saved = [...byId.values()];
    await this.#messages.put(saved);
    await this.#touch(saved.map(({ threadId }) => threadId));
    return { messages: inOrder(saved) };
  }

  async updateMessages({ messages }: { messages: MessageUpdate[] }): Promise<MastraDBMessage[]> {
    const byId = new Map<string, MessageUpdate[]>();
    for (const update of messages) byId.set(update.id, [...(byId.get(update.id) ?? []), update]);
    const results = await mapConcurrent([...byId], async ([id, updates]) => {
      const changed = await this.#messages.change(id, (stored) => updates.reduce(applyUpdate, stored));
      return changed === undefined ? [] : [changed];
    });
    const changes = results.flat();
    const [left, entered] = [changes.map(({ before }) => before.threadId), changes.map(({ after }) => after.threadId)];
    await this.#touch(left);
    await this.#touch(entered.filter((threadId) => !left.includes(threadId)));
    return changes.map(({ after }) => after);
  }

  override async deleteMessages(messageIds: string[]): Promise<void> {
    const deleted = await mapConcurrent([...new Set(messageIds)], async (id) => {
      const message = await this.#messages.get(id);
      await this.#messages.delete(id);
      return message?.threadId;
    });
    await this.#touch(deleted);
  }

  override async getResourceById({ resourceId }: { resourceId: string }): Promise<StorageResourceType | null> {
    return (await this.#resources.get(resourceId)) ?? null;
  }

  override async saveResource({ resource }: { resource: StorageResourceType }): Promise<StorageResourceType> {
    return await this.#resources.change(resource.id, () => resource);
  }

  override async updateResource({
    resourceId,
    workingMemory,
    metadata,
  }: Parameters<MemoryStorage['updateResource']>[0]): Promise<StorageResourceType> {
    return await this.#resources.change(resourceId, (stored) => {
      const now = new Date();
      const resource = stored ?? { id: resourceId, createdAt: now, updatedAt: now };
      return {
        ...resource,
        ...(workingMemory === undefined ? {} : { workingMemory }),
        metadata: { ...resource.metadata, ...metadata },
        updatedAt: now,
      };
    });
  }

  /** Sets the time of the update of threads, if there are such threads. */
  async #touch(threads: readonly (string | undefined)[]): Promise<void> {
    const now = Date.now();
    const known = new Set(threads.filter((id) => id !== undefined));
    await mapConcurrent([...known], async (id) => await this.#threads.touch(id, now));
  }

  async #messagesToCopy(
    threadId: string,
    { messageLimit, messageFilter }: NonNullable<StorageCloneThreadInput['options']> = {},
  ): Promise<MastraDBMessage[]> {
    const { startDate, endDate, messageIds = [] } = messageFilter ?? {};
    const isInRange = readDateRange({ start: startDate, end: endDate });
    const found = (await this.#messages.find({ threadId }))
      .filter(({ id, time }) => isInRange(time) && (messageIds.length === 0 || messageIds.includes(id)))
      .sort((a, b) => a.time - b.time);
    return await this.#messages.open(messageLimit && messageLimit > 0 ? found.slice(-messageLimit) : found);
  }
}

const inOrder = (messages: readonly MastraDBMessage[]): MastraDBMessage[] =>
  [...messages].sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());

/** Members that are present replace the stored ones. Members of content, and of its metadata, are merged. */
function applyUpdate(stored: MastraDBMessage, { content, ...update }: MessageUpdate): MastraDBMessage {
  const members = Object.entries(update).filter(([name, value]) => value !== undefined && name in updatable);
  const next = { ...stored, ...Object.fromEntries(members) };
  if (content === undefined) return checkMessage(next);
  const metadata =
    isPlainObject(stored.content.metadata) && isPlainObject(content.metadata)
      ? { metadata: { ...stored.content.metadata, ...content.metadata } }
      : {};
  return checkMessage({ ...next, content: { ...stored.content, ...content, ...metadata } });
}

const updatable: Readonly<Record<string, true>> = {
  threadId: true,
  resourceId: true,
  role: true,
  type: true,
  createdAt: true,
};

function throwNoThread(): never {
  throw createError('record_not_found', { detail: 'there is no such thread. Nothing was changed' });
}

function throwThreadExists(): never {
  throw createError('record_exists', { detail: 'there is a thread with the id of the copy. Nothing was copied' });
}
