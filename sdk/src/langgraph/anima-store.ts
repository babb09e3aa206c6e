/** A store of LangGraph. */

import {
  BaseStore,
  type GetOperation,
  type IndexConfig,
  type Item,
  type ListNamespacesOperation,
  type MatchCondition,
  type Operation,
  type OperationResults,
  type PutOperation,
  type SearchItem,
  type SearchOperation,
  validateNamespace,
} from '@langchain/langgraph-checkpoint';
import { limits } from '../../../contract/shared/limits.ts';
import { checkRoot, isPart, type MemoryCalls, mapConcurrent, objectOf } from '../agent-memory/memory-calls.ts';
import { MemoryNamespace } from '../memory/memory-namespace.ts';
import type { MemoryRecord, NearOptions } from '../memory/memory-types.ts';
import { notSentError } from '../shared/argument-validation.ts';
import { checkOptions } from '../shared/check-options.ts';
import { indexedConditions, meetsFilter } from './store-filter.ts';
import { textsAt } from './text-paths.ts';

export interface AnimaStoreOptions {
  /** Where the items are stored. Default: `['langgraph-store']`. An item's namespace comes below, at most 8 levels in all. */
  namespace?: readonly string[] | undefined;
  /**
   * Members of items by which `search` finds without opening other items. A reader of the table can then recognize items
   * with equal values of a member, but not the values.
   */
  filterBy?: readonly string[] | undefined;
  /** A model that embeds texts of items in your program, so that `search` finds by meaning. As of LangGraph's own stores. */
  index?: IndexConfig | undefined;
}

/**
 * Stores items in the memory of one user: `graph.compile({ store: new AnimaStore(client.memory) })`. An item has up to 64
 * KiB of JSON.
 */
export class AnimaStore extends BaseStore {
  readonly #memory: MemoryCalls;
  readonly #root: readonly string[];
  readonly #filterBy: readonly string[];
  readonly #index: IndexConfig | undefined;

  /** @param memory `client.memory` of a client with a user key or a session */
  constructor(memory: MemoryCalls, options: AnimaStoreOptions = {}) {
    checkOptions(options, ['namespace', 'filterBy', 'index']);
    super();
    this.#memory = memory;
    this.#root = checkRoot(options.namespace ?? ['langgraph-store'], 1);
    this.#filterBy = checkFilterBy(options.filterBy ?? []);
    this.#index = options.index;
  }

  /**
   * Runs the reading operations on the state before, then the writing ones. Of several writes to an item, the last one
   * counts. The writes are not a transaction.
   * @throws AnimaError record_too_large for an item of more than 64 KiB
   */
  async batch<Op extends Operation[]>(operations: Op): Promise<OperationResults<Op>> {
    for (const operation of operations) this.#check(operation);
    const results = await mapConcurrent(operations, async (operation) => await this.#read(operation));
    const writes = new Map(
      operations.filter(isPut).map((operation) => [JSON.stringify([operation.namespace, operation.key]), operation]),
    );
    const vectors = await this.#embed([...writes.values()]);
    await mapConcurrent([...writes.values()], async (operation) => await this.#write(operation, vectors));
    return results as OperationResults<Op>;
  }

  #check(operation: Operation): void {
    const namespace = 'namespacePrefix' in operation ? operation.namespacePrefix : [];
    const labels = 'namespace' in operation ? operation.namespace : namespace;
    validateNamespace(labels, { allowEmpty: !('namespace' in operation), allowReservedRoot: true });
    const levels = limits.namespaceParts - this.#root.length;
    if (labels.length > levels || !labels.every(isPart))
      throw notSentError(
        'invalid_argument',
        `the namespace of an item must be at most ${levels} texts of at most ${limits.namespacePartLength} characters`,
      );
    if ('key' in operation && (typeof operation.key !== 'string' || !isKey(operation.key)))
      throw notSentError('invalid_argument', `the key of an item must have 1 to ${limits.recordKeyLength} characters`);
  }

  async #read(operation: Operation): Promise<Item | null | SearchItem[] | string[][]> {
    if (isPut(operation)) return null;
    if ('namespacePrefix' in operation) return await this.#search(operation);
    if ('key' in operation) return await this.#get(operation);
    return await this.#listNamespaces(operation);
  }

  async #get({ namespace, key }: GetOperation): Promise<Item | null> {
    const record = await this.#space(namespace).get(key);
    return record === undefined ? null : this.#toItem(record);
  }

  /** The vectors of all texts that the writes contain, in one call of the model. */
  async #embed(writes: readonly PutOperation[]): Promise<ReadonlyMap<string, number[]>> {
    const texts = [...new Set(writes.flatMap((operation) => this.#textsOf(operation)))];
    if (this.#index === undefined || texts.length === 0) return new Map();
    const vectors = await this.#index.embeddings.embedDocuments(texts);
    return new Map(texts.map((text, at) => [text, vectors[at] ?? []]));
  }

  #textsOf({ value, index }: PutOperation): string[] {
    if (this.#index === undefined || value === null || index === false) return [];
    return [...new Set((index ?? this.#index.fields ?? ['$']).flatMap((path) => textsAt(value, path)))];
  }

  async #write(operation: PutOperation, vectors: ReadonlyMap<string, number[]>): Promise<void> {
    const { namespace, key, value } = operation;
    const space = this.#space(namespace);
    const embedding = this.#textsOf(operation).map((text) => vectors.get(text) ?? []);
    if (value === null) await space.delete(key);
    else await space.put(key, value, { index: this.#filterBy, ...(embedding.length === 0 ? {} : { embedding }) });
  }

  async #search(operation: SearchOperation): Promise<SearchItem[]> {
    const { query, limit = 10, offset = 0 } = operation;
    if (this.#index !== undefined && query) return await this.#searchNear(operation, this.#index, query);
    const found = await this.#find(operation);
    return found
      .map(({ item }) => item)
      .sort(byCreation)
      .slice(offset, offset + limit);
  }

  /** Items by similarity. Items without vectors come after all others. */
  async #searchNear(operation: SearchOperation, { embeddings }: IndexConfig, query: string): Promise<SearchItem[]> {
    const { filter = {}, limit = 10, offset = 0 } = operation;
    const conditions = indexedConditions(filter, this.#filterBy);
    // Conditions that the vault cannot check remove some of the nearest.
    const isChecked = Object.keys(filter).every((name) => Object.hasOwn(conditions, name));
    const wanted = isChecked ? Math.min(limits.pageSizeMax, Math.max(1, offset + limit)) : limits.pageSizeMax;
    const near = { vector: await embeddings.embedQuery(query), limit: wanted };
    const nearest = await this.#find(operation, near);
    const page: SearchItem[] = nearest
      .slice(offset, offset + limit)
      .map(({ item, similarity }) => (similarity === undefined ? item : { ...item, score: similarity }));
    if (page.length >= limit || nearest.length >= wanted) return page;
    const known = new Set(nearest.map(({ id }) => id));
    const others = (await this.#find(operation)).filter(({ id }) => !known.has(id)).map(({ item }) => item);
    return [...page, ...others.sort(byCreation).slice(0, limit - page.length)];
  }

  async #find({ namespacePrefix, filter = {} }: SearchOperation, near?: NearOptions) {
    const conditions = indexedConditions(filter, this.#filterBy);
    const found = this.#space(namespacePrefix).find({
      ...(Object.keys(conditions).length === 0 ? {} : { filter: conditions }),
      near,
    });
    return (await found.toArray())
      .map((record) => ({ id: record.id, similarity: record.similarity, item: this.#toItem(record) }))
      .filter(({ item }) => meetsFilter(item.value, filter));
  }

  async #listNamespaces(operation: ListNamespacesOperation): Promise<string[][]> {
    const { matchConditions = [], maxDepth, limit, offset = 0 } = operation;
    const prefix = matchConditions.find(({ matchType }) => matchType === 'prefix')?.path ?? [];
    const wild = prefix.indexOf('*');
    const known = wild < 0 ? prefix : prefix.slice(0, wild);
    const found = new Map<string, string[]>();
    for await (const record of this.#space(known).find()) {
      const namespace = this.#labelsOf(record);
      if (!matchConditions.every((condition) => matches(condition, namespace))) continue;
      const shown = namespace.slice(0, maxDepth ?? namespace.length);
      found.set(JSON.stringify(shown), shown);
    }
    const all = [...found.values()].sort((a, b) => a.join(':').localeCompare(b.join(':')));
    return all.slice(offset, offset + (limit ?? all.length));
  }

  #space(labels: readonly string[]): MemoryNamespace {
    return new MemoryNamespace(this.#memory, [...this.#root, ...labels]);
  }

  #labelsOf({ namespace = [] }: MemoryRecord): string[] {
    return namespace.slice(this.#root.length);
  }

  #toItem(record: MemoryRecord): Item {
    return {
      value: objectOf(record.data) ?? {},
      key: record.key ?? '',
      namespace: this.#labelsOf(record),
      createdAt: new Date(record.createdAt),
      updatedAt: new Date(record.updatedAt),
    };
  }
}

const isPut = (operation: Operation): operation is PutOperation => 'value' in operation;

const isKey = (key: string): boolean => key !== '' && key.length <= limits.recordKeyLength && key.isWellFormed();

/** @throws AnimaError invalid_argument */
function checkFilterBy(filterBy: unknown): readonly string[] {
  const isName = (name: unknown) => typeof name === 'string' && /^[^.]+$/.test(name);
  if (Array.isArray(filterBy) && filterBy.length <= limits.indexPaths && filterBy.every(isName)) return [...filterBy];
  throw notSentError(
    'invalid_argument',
    `filterBy must be at most ${limits.indexPaths} names of members, without dots`,
  );
}

const byCreation = (a: Item, b: Item): number =>
  a.createdAt.getTime() - b.createdAt.getTime() ||
  JSON.stringify([a.namespace, a.key]).localeCompare(JSON.stringify([b.namespace, b.key]));

/** Whether a namespace begins or ends with a path, in which `*` stands for any label. */
function matches({ matchType, path }: MatchCondition, namespace: readonly string[]): boolean {
  const start = matchType === 'prefix' ? 0 : namespace.length - path.length;
  return path.length <= namespace.length && path.every((label, at) => label === '*' || label === namespace[start + at]);
}
