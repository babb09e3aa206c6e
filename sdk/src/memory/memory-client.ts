import type { RecordInfo } from '../../../contract/memory/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type { Transport } from '../http/transport.ts';
import { checkInteger, notSentError } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { OpenedList } from '../shared/opened-list.ts';
import { MemoryList, MemorySearch, type MessageList } from './memory-lists.ts';
import { MemoryNamespace } from './memory-namespace.ts';
import type {
  AddManyOptions,
  AddManyResult,
  AddMemoryOptions,
  ExportFernetOptions,
  FindMemoryOptions,
  ImportFernetOptions,
  ImportFernetResult,
  LineSource,
  ListMemoryOptions,
  MemoryRecord,
  NewMemory,
  PutMemoryOptions,
  ReplaceMemoryOptions,
  SearchMemoryOptions,
} from './memory-types.ts';

const loadLazyModules = () => import('../memory-modules.ts');

const findOptionNames = ['namespace', 'key', 'filter', 'words', 'text', 'near', 'pageSize', 'onDamaged', 'onProgress'];

/**
 * A user's records: any JSON of up to 64 KiB each. Requires a user key or a session. The vault can decrypt records
 * only during a request that carries that credential. Clients with an API key of the organization are rejected before
 * anything is sent.
 */
export class Memory {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Adds a record. Safe to retry: all attempts carry the same id.
   * @throws ConflictError record_exists, if the id exists with different content; InvalidRequestError
   * record_too_large
   */
  async add(data: unknown, options: AddMemoryOptions = {}): Promise<RecordInfo> {
    return (await loadLazyModules()).add(this.#transport, data, options);
  }

  /**
   * Adds any number of independent records, up to a hundred per request. An iterated source is read one request at a
   * time. A failed item does not reject the call. A request that fails permanently does; the records before it were
   * added.
   */
  async addMany(
    items: Iterable<NewMemory> | AsyncIterable<NewMemory>,
    options: AddManyOptions = {},
  ): Promise<AddManyResult> {
    return (await loadLazyModules()).addMany(this.#transport, items, options);
  }

  /** Reads a record. @throws NotFoundError record_not_found; DecryptionError */
  async get(id: string, options: CallOptions = {}): Promise<MemoryRecord> {
    return (await loadLazyModules()).get(this.#transport, id, options);
  }

  /** Lists all records, ascending by id: `for await (const { id, data } of memory.list())`. */
  list(options: ListMemoryOptions = {}): MemoryList {
    return this.#list(options, 'pageSize', 'onDamaged');
  }

  #list(options: ListMemoryOptions, ...known: string[]): MemoryList {
    const limit = checkInteger('pageSize', options.pageSize, 1, limits.pageSizeMax);
    const settings = this.#transport.callSettings(options, ...known);
    return new MemoryList(
      async (cursor) => (await loadLazyModules()).listPage(this.#transport, { limit, cursor }, settings),
      options,
    );
  }

  /** Deletes a record. False if there was none; a retry after a lost response also returns false. */
  async delete(id: string, options: CallOptions = {}): Promise<boolean> {
    return (await loadLazyModules()).remove(this.#transport, id, options);
  }

  /**
   * Replaces a record's data. Safe to retry: all attempts carry the same write id.
   * @throws NotFoundError record_not_found; ConflictError version_conflict with `currentVersion`, if `ifVersion` does
   * not match
   */
  async replace(id: string, data: unknown, options: ReplaceMemoryOptions = {}): Promise<RecordInfo> {
    return (await loadLazyModules()).replace(this.#transport, id, data, options);
  }

  /**
   * Finds records with a text in a string or member name, ignoring case: `for await (const { data } of
   * memory.search('tea'))`. There is no index: every record is decrypted and compared, several hundred per request.
   */
  search(text: string, options: SearchMemoryOptions = {}): MemorySearch {
    if (typeof text !== 'string' || text === '' || text.length > limits.searchTextLength || !text.isWellFormed())
      throw notSentError(
        'invalid_argument',
        `the text must be a well-formed string of 1 to ${limits.searchTextLength} characters`,
      );
    const settings = this.#transport.callSettings(options, 'onDamaged', 'onProgress');
    return new MemorySearch(
      async (cursor) => (await loadLazyModules()).searchPage(this.#transport, { text, cursor }, settings),
      options,
    );
  }

  /**
   * Stores a record whether or not there is one. Safe to retry: all attempts carry the same write id.
   * @throws ConflictError version_conflict with `currentVersion`, if `ifVersion` does not match
   */
  async upsert(data: unknown, options: PutMemoryOptions): Promise<RecordInfo> {
    return (await loadLazyModules()).put(this.#transport, data, options);
  }

  /**
   * Finds records by namespace, values, words or text: `for await (const { data } of memory.find({ filter: { kind: 'fact'
   * } }))`. With a namespace or a filter, only records with these are decrypted. With `near`, the records that are most
   * similar to a vector.
   */
  find(options: FindMemoryOptions): MemorySearch {
    const { namespace, key, filter, words, text, near } = options;
    const limit = checkInteger('pageSize', options.pageSize, 1, limits.pageSizeMax);
    const settings = this.#transport.callSettings(options, ...findOptionNames);
    return new MemorySearch(async (cursor) => {
      const modules = await loadLazyModules();
      const body = { namespace, key, filter, words, text, limit, cursor };
      if (near === undefined) return modules.searchPage(this.#transport, body, settings);
      return modules.nearestPage(this.#transport, { ...body, near }, settings);
    }, options);
  }

  /** The records of a namespace, by keys: `memory.namespace('users', 'ada').put('tea', { likes: true })`. */
  namespace(...parts: string[]): MemoryNamespace {
    return new MemoryNamespace(this, parts);
  }

  /** Exports all records in large pages: an iterable of records, or JSON Lines with `.lines()`. */
  export(options: Omit<ListMemoryOptions, 'pageSize'> = {}): MemoryList {
    return this.list({ ...options, pageSize: limits.pageSizeMax });
  }

  /**
   * Adds the records of Fernet tokens, one per line, with the published derivation of Anamnesis. The tokens are
   * decrypted in this process; `apiKey`, the key they were written with, is never sent. JSON stays JSON, and other
   * text becomes a string. Ids are derived from the tokens, so repeated imports add each token once. A failed line
   * does not reject the call. A request that fails permanently does; in that case import the same lines again.
   */
  async importFernet(lines: LineSource, options: ImportFernetOptions): Promise<ImportFernetResult> {
    return (await loadLazyModules()).importFernet(this.#transport, lines, options);
  }

  /**
   * Exports all records as Fernet tokens with the published derivation. The tokens are created in this process.
   * Yields lines that end with `\n`.
   */
  async *exportFernet(options: ExportFernetOptions): AsyncGenerator<string, void, undefined> {
    const { apiKey, userId, ...listOptions } = options;
    const records = this.#list(
      { ...listOptions, pageSize: limits.pageSizeMax },
      'pageSize',
      'onDamaged',
      'apiKey',
      'userId',
    );
    yield* (await loadLazyModules()).exportFernet(records, { apiKey, userId });
  }

  /**
   * The user's conversation on all linked channels, oldest first: `for await (const { role, text } of
   * memory.messages())`.
   */
  messages(options: ListMemoryOptions = {}): MessageList {
    const limit = checkInteger('pageSize', options.pageSize, 1, limits.pageSizeMax);
    const settings = this.#transport.callSettings(options, 'pageSize', 'onDamaged');
    return new OpenedList(
      async (cursor) => (await loadLazyModules()).messagePage(this.#transport, { limit, cursor }, settings),
      ({ messages }) => messages,
      options,
    );
  }
}
