/** A store of LangGraph. */

import {
  BaseStore,
  type GetOperation,
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
import type { MemoryRecord } from '../memory/memory-types.ts';
import { notSentError } from '../shared/argument-validation.ts';
import { checkOptions } from '../shared/check-options.ts';
import { indexedConditions, meetsFilter } from './store-filter.ts';

export interface AnimaStoreOptions {
  /** Where the items are stored. Default: `['langgraph-store']`. An item's namespace comes below, at most 8 levels in all. */
  namespace?: readonly string[] | undefined;
  /**
   * Members of items by which `search` finds without opening other items. A reader of the table can then recognize items
   * with equal values of a member, but not the values.
   */
  filterBy?: readonly string[] | undefined;
}

/**
 * Stores items in the memory of one user: `graph.compile({ store: new AnimaStore(client.memory) })`. An item has up to 64
 * KiB of JSON.
 */
export class AnimaStore extends BaseStore {
  readonly #memory: MemoryCalls;
  readonly #root: readonly string[];
  readonly #filterBy: readonly string[];

  /** @param memory `client.memory` of a client with a user key or a session */
  constructor(memory: MemoryCalls, options: AnimaStoreOptions = {}) {
    checkOptions(options, ['namespace', 'filterBy']);
    super();
    this.#memory = memory;
    this.#root = checkRoot(options.namespace ?? ['langgraph-store'], 1);
    this.#filterBy = checkFilterBy(options.filterBy ?? []);
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
    await mapConcurrent([...writes.values()], async (operation) => await this.#write(operation));
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

  async #write({ namespace, key, value }: PutOperation): Promise<void> {
    const space = this.#space(namespace);
    if (value === null) await space.delete(key);
    else await space.put(key, value, { index: this.#filterBy });
  }

  async #search({ namespacePrefix, filter = {}, limit = 10, offset = 0 }: SearchOperation): Promise<SearchItem[]> {
    const conditions = indexedConditions(filter, this.#filterBy);
    const find = Object.keys(conditions).length === 0 ? {} : { filter: conditions };
    const found = await this.#space(namespacePrefix).find(find).toArray();
    const items = found.map((record) => this.#toItem(record)).filter(({ value }) => meetsFilter(value, filter));
    return items.sort(byCreation).slice(offset, offset + limit);
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
