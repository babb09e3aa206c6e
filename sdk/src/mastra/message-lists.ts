/** Lists of messages: pages of threads or of a resource, and messages around others. */

import type { StorageListMessagesInput, StorageListMessagesOutput } from '@mastra/core/storage';
import { byTime, hasMetadata, readDateRange, readPage, readScalarFilter } from './list-pages.ts';
import type { FoundMessage, MessageRecords } from './message-records.ts';

type ListOptions = Omit<StorageListMessagesInput, 'threadId' | 'resourceId'>;
type Include = NonNullable<ListOptions['include']>;

/** The messages to list: of threads, of a resource, or of a resource in threads. */
interface Scope {
  readonly threads?: readonly string[] | undefined;
  readonly resourceId?: string | undefined;
}

/** Number of messages on a page by default. */
const messagesPerPage = 40;

export async function listMessages(
  records: MessageRecords,
  { include = [], filter, page, perPage, orderBy }: ListOptions,
  { threads, resourceId }: Scope,
): Promise<StorageListMessagesOutput> {
  const wanted = readPage({ page, perPage }, messagesPerPage);
  const isInRange = readDateRange(filter?.dateRange);
  const metadata = readScalarFilter(filter?.metadata);
  const compare = byTime<FoundMessage>(orderBy, 'ASC', ({ time }) => time);
  const finder = new CachedFinder(records, resourceId);

  // A page without messages needs no search, except to say whether a resource has any.
  const all = wanted.size === 0 && threads !== undefined ? [] : await finder.find(threads);
  const inRange = all.filter(({ time }) => isInRange(time));
  const matching = metadata === undefined ? inRange : await withMetadata(records, inRange, metadata);
  const found = matching.sort(compare).slice(wanted.offset, wanted.offset + wanted.size);

  const known = new Set(found.map(({ id }) => id));
  const around = (await finder.around(include)).filter(({ id }) => !known.has(id));
  const messages = await records.open([...found, ...around].sort(compare));
  const shown =
    threads === undefined || include.length === 0 || metadata !== undefined
      ? wanted.offset + found.length
      : messages.filter(({ threadId }) => threadId !== undefined && threads.includes(threadId)).length;
  const hasMore = wanted.size > 0 || threads === undefined ? shown < matching.length : false;
  return { messages, total: matching.length, page: wanted.page, perPage: wanted.perPage, hasMore };
}

async function withMetadata(
  records: MessageRecords,
  found: readonly FoundMessage[],
  metadata: NonNullable<ReturnType<typeof readScalarFilter>>,
): Promise<FoundMessage[]> {
  const opened = await records.open(found);
  const matching = new Set(opened.filter(({ content }) => hasMetadata(content.metadata, metadata)).map(({ id }) => id));
  return found.filter(({ id }) => matching.has(id));
}

/** Searches each thread once. */
class CachedFinder {
  readonly #records: MessageRecords;
  readonly #resourceId: string | undefined;
  readonly #threads = new Map<string, Promise<FoundMessage[]>>();

  constructor(records: MessageRecords, resourceId: string | undefined) {
    this.#records = records;
    this.#resourceId = resourceId;
  }

  /** Messages in the order in which they were stored. */
  async find(threads: readonly string[] | undefined): Promise<FoundMessage[]> {
    if (threads === undefined) return await this.#records.find({ resourceId: this.#resourceId });
    const found = await Promise.all(threads.map(async (threadId) => await this.#findThread(threadId)));
    return found.flat().sort((a, b) => a.order - b.order);
  }

  /** Messages, and those before and after them in their threads. A resource limits both. */
  async around(include: Include): Promise<FoundMessage[]> {
    const found = new Map<string, FoundMessage>();
    for (const { id, withPreviousMessages = 0, withNextMessages = 0 } of include) {
      const threadId = (await this.#records.get(id))?.threadId;
      if (threadId === undefined) continue;
      const thread = [...(await this.#findThread(threadId))].sort((a, b) => a.time - b.time);
      const at = thread.findIndex((message) => message.id === id);
      if (at < 0) continue;
      for (const message of thread.slice(Math.max(0, at - withPreviousMessages), at + withNextMessages + 1))
        found.set(message.id, message);
    }
    return [...found.values()];
  }

  #findThread(threadId: string): Promise<FoundMessage[]> {
    const known = this.#threads.get(threadId);
    if (known !== undefined) return known;
    const finding = this.#records.find({ threadId, resourceId: this.#resourceId });
    this.#threads.set(threadId, finding);
    return finding;
  }
}
