import type { RecordInfo } from '../../../contract/memory/wire.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type { Transport } from '../http/transport.ts';
import { checkInteger, notSentError } from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { MemoryList, MemorySearch, type MessageList, OpenedList } from './memory-lists.ts';
import type {
  AddManyOptions,
  AddManyResult,
  AddMemoryOptions,
  ExportFernetOptions,
  ImportFernetOptions,
  ImportFernetResult,
  LineSource,
  ListMemoryOptions,
  MemoryRecord,
  NewMemory,
  ReplaceMemoryOptions,
  SearchMemoryOptions,
} from './memory-types.ts';

const loadLazyModules = () => import('../lazy-modules.ts');

/**
 * What the user of a user key, or of a session, keeps: records of any JSON up to 64 KiB. The vault opens them during a request that carries the
 * key, and can't without. Clients with an API key of the organization are refused before anything is sent.
 */
export class Memory {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Adds a record. Safe to retry: all attempts carry one id.
   * @throws ConflictError record_exists, for other content under an id that is there; InvalidRequestError record_too_large
   */
  async add(data: unknown, options: AddMemoryOptions = {}): Promise<RecordInfo> {
    return (await loadLazyModules()).add(this.#transport, data, options);
  }

  /**
   * Adds any number of records, each by itself: up to a hundred in a request, which are all that is in memory of a source that is iterated. An item
   * that fails does not reject the call; a request that fails for good does, and then what came before it was added.
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

  /** All records, ascending by id: `for await (const { id, data } of memory.list())`. */
  list(options: ListMemoryOptions = {}): MemoryList {
    const limit = checkInteger('pageSize', options.pageSize, 1, limits.pageSizeMax);
    const settings = this.#transport.callSettings(options);
    return new MemoryList(
      async (cursor) => (await loadLazyModules()).listPage(this.#transport, { limit, cursor }, settings),
      options,
    );
  }

  /** Deletes a record. False when there was none: also what a retry finds. */
  async delete(id: string, options: CallOptions = {}): Promise<boolean> {
    return (await loadLazyModules()).remove(this.#transport, id, options);
  }

  /**
   * Replaces what a record holds. Safe to retry: all attempts carry one write id.
   * @throws NotFoundError record_not_found; ConflictError version_conflict with `currentVersion`, when `ifVersion` does not hold
   */
  async replace(id: string, data: unknown, options: ReplaceMemoryOptions = {}): Promise<RecordInfo> {
    return (await loadLazyModules()).replace(this.#transport, id, data, options);
  }

  /**
   * Records that have a text in one of their strings or member names, without regard to case: `for await (const { data } of
   * memory.search('tea'))`. There is no index: every record is opened and compared, some hundreds in a request.
   */
  search(text: string, options: SearchMemoryOptions = {}): MemorySearch {
    if (typeof text !== 'string' || text === '' || text.length > limits.searchTextLength || !text.isWellFormed())
      throw notSentError(
        'invalid_argument',
        `the text must be a well-formed string of 1 to ${limits.searchTextLength} characters`,
      );
    const settings = this.#transport.callSettings(options);
    return new MemorySearch(
      async (cursor) => (await loadLazyModules()).searchPage(this.#transport, { text, cursor }, settings),
      options,
    );
  }

  /** All records in large pages, to be kept elsewhere: an iterable of records, or with `.lines()` of JSON Lines. */
  export(options: Omit<ListMemoryOptions, 'pageSize'> = {}): MemoryList {
    return this.list({ ...options, pageSize: limits.pageSizeMax });
  }

  /**
   * Adds what is in Fernet tokens, one a line, by the published derivation of Anamnesis. They are opened here: `apiKey`, under which they were
   * written, goes nowhere. JSON stays JSON, other text becomes a string. Ids come from the tokens, so that a token is added once, however often
   * it is imported. A line that fails does not reject the call; a request that fails for good does: import the same lines again then.
   */
  async importFernet(lines: LineSource, options: ImportFernetOptions): Promise<ImportFernetResult> {
    return (await loadLazyModules()).importFernet(this.#transport, lines, options);
  }

  /** All records as Fernet tokens by the published derivation, written here: an async iterable of lines without line ends. */
  async *exportFernet(options: ExportFernetOptions): AsyncGenerator<string, void, undefined> {
    yield* (await loadLazyModules()).exportFernet(this.export(options), options);
  }

  /** The user's conversation on all linked channels, oldest first: `for await (const { role, text } of memory.messages())`. */
  messages(options: ListMemoryOptions = {}): MessageList {
    const limit = checkInteger('pageSize', options.pageSize, 1, limits.pageSizeMax);
    const settings = this.#transport.callSettings(options);
    return new OpenedList(
      async (cursor) => (await loadLazyModules()).messagePage(this.#transport, { limit, cursor }, settings),
      ({ messages }) => messages,
      options,
    );
  }
}
