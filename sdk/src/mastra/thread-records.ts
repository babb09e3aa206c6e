/** Threads as records, and the working memory of resources. */

import type { StorageThreadType } from '@mastra/core/memory';
import type { StorageResourceType } from '@mastra/core/storage';
import type { LongRecord, LongRecords } from '../agent-memory/long-records.ts';
import { mapConcurrent, objectOf, toPart } from '../agent-memory/memory-calls.ts';
import { parseTagged, stringifyTagged } from '../agent-memory/tagged-json.ts';
import { notSentError } from '../shared/argument-validation.ts';
import { checkId, namespaceOf, placeOf, type RecordStorage } from './record-places.ts';

/** A reader of the table can recognize which threads are of one resource. */
const index = { index: ['resource'] };

export class ThreadRecords {
  readonly #storage: RecordStorage;

  constructor(storage: RecordStorage) {
    this.#storage = storage;
  }

  async get(id: string): Promise<StorageThreadType | undefined> {
    const stored = await this.#storage.records.get(await placeOf(this.#storage.root, 'threads', id));
    return stored === undefined ? undefined : threadOf(stored);
  }

  /** Threads of a resource, or all, in the order in which they were stored. */
  async find(resourceId: string | undefined): Promise<StorageThreadType[]> {
    const namespace = namespaceOf(this.#storage.root, 'threads');
    const filter = resourceId === undefined ? undefined : { resource: await toPart(resourceId) };
    const found = await this.#storage.memory.find({ namespace, filter }).toArray();
    const orderOf = (data: unknown) => Number(objectOf(data)?.order);
    found.sort((a, b) => orderOf(a.data) - orderOf(b.data));
    return await mapConcurrent(found, async (record) => {
      const place = await placeOf(this.#storage.root, 'threads', String(objectOf(record.data)?.id));
      return threadOf(await this.#storage.records.open(place, record));
    });
  }

  /** Stores a thread unless there is one. False if there is one. */
  async create(thread: StorageThreadType): Promise<boolean> {
    const order = this.#storage.order.next();
    return await this.#storage.records.create(await this.#placeOf(thread), await recordOf(thread, order), index);
  }

  /** Stores a thread, or replaces it. */
  async put(thread: StorageThreadType): Promise<void> {
    const order = this.#storage.order.next();
    const replace = async (stored: LongRecord | undefined) =>
      await recordOf(thread, Number(stored?.fields.order ?? order));
    await this.#storage.records.update(await this.#placeOf(thread), replace, index);
  }

  /**
   * Changes a thread. Undefined if there is none.
   * @param change called again if another writer came in between. Nothing is stored if it returns undefined
   */
  async change(
    id: string,
    change: (stored: StorageThreadType) => StorageThreadType | undefined,
  ): Promise<StorageThreadType | undefined> {
    let result: StorageThreadType | undefined;
    const replace = async (stored: LongRecord | undefined) => {
      result = stored === undefined ? undefined : threadOf(stored);
      const next = stored === undefined || result === undefined ? undefined : change(result);
      if (next === undefined) return undefined;
      result = next;
      return await recordOf(next, Number(stored?.fields.order));
    };
    await this.#storage.records.update(await placeOf(this.#storage.root, 'threads', id), replace, index);
    return result;
  }

  /** Sets the time of the update, which never decreases. */
  async touch(id: string, time: number): Promise<void> {
    await this.change(id, (thread) => {
      const last = thread.updatedAt.getTime();
      // Another writer has set a later time.
      if (last > time) return undefined;
      return { ...thread, updatedAt: new Date(Math.max(time, last + 1)) };
    });
  }

  async delete(id: string): Promise<boolean> {
    return await this.#storage.records.delete(await placeOf(this.#storage.root, 'threads', id));
  }

  #placeOf({ id }: StorageThreadType) {
    return placeOf(this.#storage.root, 'threads', id);
  }
}

export class ResourceRecords {
  readonly #records: LongRecords;
  readonly #root: readonly string[];

  constructor(records: LongRecords, root: readonly string[]) {
    this.#records = records;
    this.#root = root;
  }

  async get(id: string): Promise<StorageResourceType | undefined> {
    const stored = await this.#records.get(await placeOf(this.#root, 'resources', id));
    return stored === undefined ? undefined : resourceOf(stored);
  }

  async change(
    id: string,
    change: (stored: StorageResourceType | undefined) => StorageResourceType,
  ): Promise<StorageResourceType> {
    let result: StorageResourceType | undefined;
    const replace = (stored: LongRecord | undefined) => {
      result = change(stored === undefined ? undefined : resourceOf(stored));
      const { createdAt, updatedAt } = result;
      return { fields: {}, text: stringifyTagged({ ...result, ...timesOf({ createdAt, updatedAt }) }) };
    };
    await this.#records.update(await placeOf(this.#root, 'resources', id), replace);
    return result ?? change(undefined);
  }
}

async function recordOf(thread: StorageThreadType, order: number): Promise<LongRecord> {
  const { id, resourceId } = thread;
  const fields = { id, order, resource: await toPart(checkId(resourceId)) };
  return { fields, text: stringifyTagged({ ...thread, ...timesOf(thread) }) };
}

/** @throws AnimaError invalid_argument */
function timesOf({ createdAt, updatedAt }: { createdAt: unknown; updatedAt: unknown }) {
  const times = [createdAt, updatedAt].map((time) => new Date(time instanceof Date ? time : String(time)));
  const [created, updated] = times;
  if (created === undefined || updated === undefined || times.some((time) => Number.isNaN(time.getTime())))
    throw notSentError('invalid_argument', 'createdAt and updatedAt must be times');
  return { createdAt: created, updatedAt: updated };
}

const threadOf = ({ text }: LongRecord): StorageThreadType => parseTagged(text) as StorageThreadType;

const resourceOf = ({ text }: LongRecord): StorageResourceType => parseTagged(text) as StorageResourceType;
