import { limits as sizes } from '../../contract/limits.ts';
import type { Value, ValueInfo, VersionInfo } from '../../contract/wire.ts';
import { type BatchResult, decodeResults, runBatch } from './batch.ts';
import { decodeAll, decodeList, decodeValue, decodeValueInfo, decodeVersionInfo } from './decode.ts';
import { checkName, checkPrefix, checkWhole, refused, setRequest, type ValueOptions } from './input.ts';
import { ValueList } from './list.ts';
import type { CallOptions } from './options.ts';
import { isRecord } from './record.ts';
import type { Transport } from './transport.ts';

export interface SetOptions extends ValueOptions, CallOptions {}

export interface GetOptions extends CallOptions {
  /** The version to read; the current one unless told. */
  version?: number | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** Deletes only when the value is at this version. */
  ifVersion?: number | undefined;
}

export interface ListOptions extends CallOptions {
  /** The beginning of the names wanted; all unless told. */
  prefix?: string | undefined;
  /** Items of a page, 1 to 1000; 100 unless told. */
  pageSize?: number | undefined;
}

/** One item of `setMany`. */
export interface SetEntry extends ValueOptions {
  name: string;
  value: string;
}

/**
 * Values by name. A name is a path of `A-Z a-z 0-9 . _ @ : -` and `/`, up to 256 characters; a value is a string
 * of up to 64 KiB of UTF-8. Every method checks its arguments before it sends anything, and rejects with AnimaError.
 */
export class Vault {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Stores a value as the next version of its name. Safe to retry: all attempts carry one write id, by which the
   * vault recognises a repeated write.
   * @throws ConflictError version_conflict with `currentVersion`, when `ifVersion` does not hold
   */
  async set(name: string, value: string, options: SetOptions = {}): Promise<ValueInfo> {
    const call = { route: 'setValue', name: checkName(name), body: setRequest(value, options) } as const;
    return this.#transport.request(call, this.#transport.limits(options), named(name, decodeValueInfo));
  }

  /** Reads a value. @throws NotFoundError value_not_found, version_not_found, value_expired */
  async get(name: string, options: GetOptions = {}): Promise<string> {
    return (await this.getWithInfo(name, options)).value;
  }

  /** Reads a value with its version, times and metadata. @throws NotFoundError as `get` */
  async getWithInfo(name: string, options: GetOptions = {}): Promise<Value> {
    const version = checkWhole('version', options.version, 1);
    const call = { route: 'getValue', name: checkName(name), query: { version } } as const;
    return this.#transport.request(call, this.#transport.limits(options), (json) => {
      const value = named(name, decodeValue)(json);
      return version === undefined || value?.version === version ? value : undefined;
    });
  }

  /** Names and facts by prefix, in the order of names, never values: `for await (const info of vault.list())`. */
  list(options: ListOptions = {}): ValueList {
    const prefix = checkPrefix(options.prefix);
    const pageSize = checkWhole('pageSize', options.pageSize, 1, sizes.pageSizeMax);
    const limits = this.#transport.limits(options);
    return new ValueList((cursor) =>
      this.#transport.request({ route: 'listValues', query: { prefix, limit: pageSize, cursor } }, limits, decodeList),
    );
  }

  /**
   * Deletes a value with all its versions. True when this call deleted it as far as the vault told; false when there
   * was nothing of that name, which is also what a retry finds after an attempt whose answer was lost. Either way
   * the name is free.
   */
  async delete(name: string, options: DeleteOptions = {}): Promise<boolean> {
    const ifVersion = checkWhole('ifVersion', options.ifVersion, 1);
    const call = { route: 'deleteValue', name: checkName(name), query: { ifVersion } } as const;
    return this.#transport.request(call, this.#transport.limits(options), (json) =>
      isRecord(json) && typeof json.deleted === 'boolean' ? json.deleted : undefined,
    );
  }

  /** The versions kept of a value, newest first. @throws NotFoundError value_not_found */
  async versions(name: string, options: CallOptions = {}): Promise<VersionInfo[]> {
    const call = { route: 'listVersions', name: checkName(name) } as const;
    return this.#transport.request(call, this.#transport.limits(options), (json) =>
      isRecord(json) && json.name === name ? decodeAll(json.versions, decodeVersionInfo) : undefined,
    );
  }

  /**
   * Reads any number of values, with a result for each name; a name given twice is read once. A value that is
   * missing is a failed item and does not reject the call.
   */
  async getMany(names: Iterable<string>, options: CallOptions = {}): Promise<BatchResult<Value>> {
    const limits = this.#transport.limits(options);
    // A string is an iterable of strings too: its characters would be read as names.
    if (typeof names === 'string') throw refused('invalid_argument', 'names is one string, not a list of names');
    const items = [...new Set(names)].map((name) => ({ name: checkName(name) }));
    const ask = (chunk: readonly { name: string }[]) =>
      this.#transport.request(
        { route: 'getValues', body: { names: chunk.map(({ name }) => name) } },
        limits,
        decodeResults(decodeValue),
      );
    return runBatch(items, ask, limits);
  }

  /**
   * Stores any number of values, each by itself, with a result for each. Every entry has a write id from the start,
   * so that retries, of requests and of single entries, are safe.
   * @param entries `{name, value, …}` each, or an object of values by name. A name may stand there once.
   */
  async setMany(
    entries: Iterable<SetEntry> | Readonly<Record<string, string>>,
    options: CallOptions = {},
  ): Promise<BatchResult<ValueInfo>> {
    const limits = this.#transport.limits(options);
    const items = listEntries(entries).map((entry) => ({
      name: checkName(entry.name),
      ...setRequest(entry.value, entry),
    }));
    if (new Set(items.map(({ name }) => name)).size < items.length) {
      throw refused('invalid_argument', 'a name stands twice among the entries');
    }
    const ask = (chunk: readonly object[]) =>
      this.#transport.request({ route: 'setValues', body: { items: chunk } }, limits, decodeResults(decodeValueInfo));
    return runBatch(items, ask, limits);
  }
}

function listEntries(entries: Iterable<SetEntry> | Readonly<Record<string, string>>): SetEntry[] {
  if (isIterable(entries)) return [...entries];
  return Object.entries(entries).map(([name, value]) => ({ name, value }));
}

function isIterable(entries: Iterable<SetEntry> | Readonly<Record<string, string>>): entries is Iterable<SetEntry> {
  return typeof Reflect.get(entries, Symbol.iterator) === 'function';
}

/** A reader that takes only what bears the name asked for: an answer that went astray must not pass for it. */
function named<T extends { name: string }>(name: string, decode: (json: unknown) => T | undefined) {
  return (json: unknown): T | undefined => {
    const read = decode(json);
    return read?.name === name ? read : undefined;
  };
}
