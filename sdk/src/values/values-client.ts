import type { UsageRules } from '../../../contract/broker/usage-rules.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type { DestroyValueResponse } from '../../../contract/shredding/wire.ts';
import type { Value, ValueInfo, VersionInfo } from '../../../contract/values/wire.ts';
import type { BatchResult } from '../http/batch-runner.ts';
import type { Transport } from '../http/transport.ts';
import type { ValueCustody } from '../http/value-custody.ts';
import {
  buildSetRequest,
  checkConfirm,
  checkInteger,
  checkName,
  checkPrefix,
  notSentError,
  type ValueOptions,
} from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { createError } from '../shared/errors.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';
import {
  type Decoder,
  decodeDestroyResponse,
  decodeValue,
  decodeValueInfo,
  decodeValuePage,
  decodeVersions,
} from '../shared/json-decoders.ts';
import { type OnDamaged, OpenedList } from '../shared/opened-list.ts';
import type { Page } from '../shared/paginated-list.ts';
import type { PlatformResponse, VaultFetchInit } from './vault-fetch.ts';

export interface SetOptions extends ValueOptions, CallOptions {
  /** Seals the value here, so that the vault alone cannot open it: `approvalCustody` of `@anima/sdk/session`. */
  custody?: ValueCustody | undefined;
}

export interface GetOptions extends CallOptions {
  /** The version to read. Default: the current one. */
  version?: number | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** Deletes only if this is the current version. */
  ifVersion?: number | undefined;
  /** Deletes only this earlier version, and keeps the current version and all others. */
  version?: number | undefined;
}

export interface DestroyOptions extends CallOptions {
  /** The name of the value, as confirmation. */
  confirm: string;
}

/** A list of names and facts of values, without the values themselves. */
export type ValueList = OpenedList<ValueInfo, Page>;

export interface VersionsOptions extends CallOptions {
  /**
   * Called with each earlier version that could not be decrypted. Without it, the call rejects with
   * `decryption_failed` if there is one.
   */
  onDamaged?: ((version: number) => void) | undefined;
}

export interface ListOptions extends CallOptions {
  /**
   * Called with the name of each value that could not be decrypted. Without it, an iteration yields all other values
   * and then throws `decryption_failed` with the names.
   */
  onDamaged?: ((name: string) => void) | undefined;
  /** Prefix of the names. Default: all names. */
  prefix?: string | undefined;
  /** Items per page, 1 to 1000. Default: 100. */
  pageSize?: number | undefined;
}

/** One item of `setMany`. */
export interface SetEntry extends ValueOptions {
  name: string;
  value: string;
}

const loadLazyModules = () => import('../lazy-modules.ts');

/**
 * Values by name. A name is a path of `A-Z a-z 0-9 . _ @ : -` and `/`, up to 256 characters. A value is a string of
 * up to 64 KiB of UTF-8. Every method validates its arguments before it sends anything, and rejects with AnimaError.
 */
export class Vault {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Stores a value as the next version of its name. Safe to retry: all attempts carry the same write id, by which the
   * vault recognizes a repeated write.
   * @throws ConflictError version_conflict with `currentVersion`, if `ifVersion` does not match
   */
  async set(name: string, value: string, options: SetOptions = {}): Promise<ValueInfo> {
    const call = { route: 'setValue', name: checkName(name), body: buildSetRequest(value, options) } as const;
    const { custody } = options;
    if (custody !== undefined) {
      const { setWithCustody } = await loadLazyModules();
      return setWithCustody(this.#transport, name, value, { ...options, custody }, withName(name, decodeValueInfo));
    }
    return this.#transport.request(call, this.#transport.callSettings(options), withName(name, decodeValueInfo));
  }

  /** Reads a value. @throws NotFoundError value_not_found, version_not_found, value_expired */
  async get(name: string, options: GetOptions = {}): Promise<string> {
    return (await this.getWithInfo(name, options)).value;
  }

  /** Reads a value with its version, times and metadata. @throws NotFoundError as `get` */
  async getWithInfo(name: string, options: GetOptions = {}): Promise<Value> {
    const version = checkInteger('version', options.version, 1);
    const call = { route: 'getValue', name: checkName(name), query: { version } } as const;
    return this.#transport.request(call, this.#transport.callSettings(options), (json) => {
      const value = withName(name, decodeValue)(json);
      return version === undefined || value?.version === version ? value : undefined;
    });
  }

  /**
   * Lists names and facts by prefix, ordered by name, without values: `for await (const info of vault.list())`. Names
   * under `channels/` are omitted for keys that have no access to them.
   */
  list(options: ListOptions = {}): ValueList {
    const prefix = checkPrefix(options.prefix);
    const pageSize = checkInteger('pageSize', options.pageSize, 1, limits.pageSizeMax);
    const settings = this.#transport.callSettings(options);
    return new OpenedList(
      (cursor) => {
        const query = { prefix, limit: pageSize, cursor };
        return this.#transport.request({ route: 'listValues', query }, settings, decodeValuePage);
      },
      ({ values }) => values,
      options,
    );
  }

  /**
   * Deletes a value with all its versions. True if the vault reports that this call deleted it. False if there was no
   * such value; a retry after a lost response also returns false. In both cases the name is free. With `version`,
   * deletes only that earlier version. A write that is in progress can put it back before it ends.
   */
  async delete(name: string, options: DeleteOptions = {}): Promise<boolean> {
    const ifVersion = checkInteger('ifVersion', options.ifVersion, 1);
    const version = checkInteger('version', options.version, 1);
    const call = { route: 'deleteValue', name: checkName(name), query: { ifVersion, version } } as const;
    return this.#transport.request(call, this.#transport.callSettings(options), (json) =>
      isPlainObject(json) && typeof json.deleted === 'boolean' ? json.deleted : undefined,
    );
  }

  /**
   * Destroys a value with all its versions and returns a signed receipt. A retry after a lost response finds nothing
   * to destroy; the receipt in the lost response cannot be retrieved again.
   */
  async destroy(name: string, options: DestroyOptions): Promise<DestroyValueResponse> {
    const body = { confirm: checkConfirm(options.confirm, checkName(name)) };
    return this.#transport.request(
      { route: 'destroyValue', name, body },
      this.#transport.callSettings(options),
      decodeDestroyResponse,
    );
  }

  /** Returns the stored versions of a value, newest first. @throws NotFoundError value_not_found */
  async versions(name: string, options: VersionsOptions = {}): Promise<VersionInfo[]> {
    const call = { route: 'listVersions', name: checkName(name) } as const;
    const { versions, damaged = [] } = await this.#transport.request(
      call,
      this.#transport.callSettings(options),
      withName(name, decodeVersions),
    );
    reportDamagedVersions(damaged, options);
    return versions;
  }

  /**
   * Makes an HTTP request in which the vault replaces placeholders such as `{{anima://prod/stripe/key}}`. The values go
   * only to hosts that their rules allow, and are concealed in the response. Redirects are not followed. Never repeats a
   * request that may have reached the host.
   * @throws PermissionError use_refused, destination_refused; UnavailableError upstream_failed, upstream_timeout
   */
  async fetch(url: string | { readonly href: string }, init: VaultFetchInit = {}): Promise<PlatformResponse> {
    return (await loadLazyModules()).fetchWithValues(this.#transport, url, init);
  }

  /** What a value may be used for by `fetch`. @throws NotFoundError value_not_found */
  async getRules(name: string, options: CallOptions = {}): Promise<UsageRules> {
    return (await loadLazyModules()).getRules(this, name, options);
  }

  /**
   * Replaces the rules of a value by storing its next version. An empty object ends its use. Older versions cannot be used
   * for more than the current one. @throws ConflictError version_conflict if somebody else stores a version meanwhile
   */
  async setRules(name: string, rules: UsageRules, options: CallOptions = {}): Promise<ValueInfo> {
    return (await loadLazyModules()).setRules(this, name, rules, options);
  }

  /**
   * Reads any number of values, with one result per name; a duplicate name is read once. A missing value is a failed
   * item and does not reject the call.
   */
  async getMany(names: Iterable<string>, options: CallOptions = {}): Promise<BatchResult<Value>> {
    const settings = this.#transport.callSettings(options);
    // A string is also an iterable of strings: its characters would be read as names.
    if (typeof names === 'string') throw notSentError('invalid_argument', 'names is one string, not a list of names');
    const items = [...new Set(names)].map((name) => ({ name: checkName(name) }));
    const { decodeResults, runBatch } = await loadLazyModules();
    const ask = (chunk: readonly { name: string }[]) =>
      this.#transport.request(
        { route: 'getValues', body: { names: chunk.map(({ name }) => name) } },
        settings,
        decodeResults(decodeValue),
      );
    return runBatch(items, ask, settings);
  }

  /**
   * Stores any number of independent values, with one result each. Every entry gets its write id before the first
   * attempt, so retries of requests and of single entries are safe.
   * @param entries `{name, value, …}` each, or an object of values by name. Each name may occur once.
   */
  async setMany(
    entries: Iterable<SetEntry> | Readonly<Record<string, string>>,
    options: CallOptions = {},
  ): Promise<BatchResult<ValueInfo>> {
    const settings = this.#transport.callSettings(options);
    const items = listEntries(entries).map((entry) => ({
      name: checkName(entry.name),
      ...buildSetRequest(entry.value, entry),
    }));
    if (new Set(items.map(({ name }) => name)).size < items.length) {
      throw notSentError('invalid_argument', 'a name occurs twice in the entries');
    }
    const { decodeResults, runBatch } = await loadLazyModules();
    const ask = (chunk: readonly object[]) =>
      this.#transport.request({ route: 'setValues', body: { items: chunk } }, settings, decodeResults(decodeValueInfo));
    return runBatch(items, ask, settings);
  }
}

/** @throws AnimaError decryption_failed if there are damaged versions and the caller does not handle them */
function reportDamagedVersions(damaged: readonly number[], { onDamaged }: OnDamaged<number>): void {
  if (damaged.length > 0 && onDamaged === undefined) {
    const detail = `version ${damaged.join(', ')}; with onDamaged, the others are returned`;
    throw createError('decryption_failed', { detail });
  }
  for (const version of damaged) onDamaged?.(version);
}

function listEntries(entries: Iterable<SetEntry> | Readonly<Record<string, string>>): SetEntry[] {
  if (isIterable(entries)) return [...entries];
  return Object.entries(entries).map(([name, value]) => ({ name, value }));
}

function isIterable(entries: Iterable<SetEntry> | Readonly<Record<string, string>>): entries is Iterable<SetEntry> {
  return typeof Reflect.get(entries, Symbol.iterator) === 'function';
}

/** Wraps a decoder so that it accepts only a response with the requested name; a misrouted response is rejected. */
function withName<T extends { name: string }>(name: string, decode: Decoder<T>): Decoder<T> {
  return (json) => {
    const read = decode(json);
    return read?.name === name ? read : undefined;
  };
}
