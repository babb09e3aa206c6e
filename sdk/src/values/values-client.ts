import type { UsageRules } from '../../../contract/broker/usage-rules.ts';
import { limits } from '../../../contract/shared/limits.ts';
import type { DestroyValueResponse } from '../../../contract/shredding/wire.ts';
import { valueRoutes } from '../../../contract/values/routes.ts';
import type { Value, ValueInfo, VersionInfo } from '../../../contract/values/wire.ts';
import type { BatchResult } from '../http/batch-runner.ts';
import type { Transport } from '../http/transport.ts';
import {
  buildSetRequest,
  checkInteger,
  checkName,
  checkPrefix,
  valueOptionNames,
} from '../shared/argument-validation.ts';
import type { CallOptions } from '../shared/client-options.ts';
import { createError } from '../shared/errors.ts';
import { isPlainObject } from '../shared/is-plain-object.ts';
import {
  type Decoder,
  decodeValue,
  decodeValueInfo,
  decodeValuePage,
  decodeVersions,
} from '../shared/json-decoders.ts';
import { type OnDamaged, OpenedList } from '../shared/opened-list.ts';
import type { RequestOptions, SecretRequest, SecretRequestHandle } from './secret-requests.ts';
import type {
  DeleteOptions,
  DestroyOptions,
  GetOptions,
  ListOptions,
  SetEntry,
  SetOptions,
  ValueList,
  VersionsOptions,
} from './value-types.ts';
import type { PlatformResponse, VaultFetchInit } from './vault-fetch.ts';

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
    const settings = this.#transport.callSettings(options, 'custody', ...valueOptionNames);
    const decode = withName(checkName(name), decodeValueInfo);
    const { custody } = options;
    if (custody !== undefined) {
      const { setWithCustody } = await loadLazyModules();
      return setWithCustody(this.#transport, name, value, { ...options, custody }, decode);
    }
    const call = { route: valueRoutes.setValue, name, body: buildSetRequest(value, options) } as const;
    return this.#transport.request(call, settings, decode);
  }

  /** Reads a value. @throws NotFoundError value_not_found, version_not_found, value_expired */
  async get(name: string, options: GetOptions = {}): Promise<string> {
    return (await this.getWithInfo(name, options)).value;
  }

  /** Reads a value with its version, times and metadata. @throws NotFoundError as `get` */
  async getWithInfo(name: string, options: GetOptions = {}): Promise<Value> {
    const version = checkInteger('version', options.version, 1);
    const call = { route: valueRoutes.getValue, name: checkName(name), query: { version } } as const;
    return this.#transport.request(call, this.#transport.callSettings(options, 'version'), (json) => {
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
    const settings = this.#transport.callSettings(options, 'prefix', 'pageSize', 'onDamaged');
    return new OpenedList(
      (cursor) => {
        const query = { prefix, limit: pageSize, cursor };
        return this.#transport.request({ route: valueRoutes.listValues, query }, settings, decodeValuePage);
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
    const call = { route: valueRoutes.deleteValue, name: checkName(name), query: { ifVersion, version } } as const;
    return this.#transport.request(call, this.#transport.callSettings(options, 'ifVersion', 'version'), (json) =>
      isPlainObject(json) && typeof json.deleted === 'boolean' ? json.deleted : undefined,
    );
  }

  /**
   * Destroys a value with all its versions and returns a signed receipt. A retry after a lost response finds nothing
   * to destroy; the receipt in the lost response cannot be retrieved again.
   */
  async destroy(name: string, options: DestroyOptions): Promise<DestroyValueResponse> {
    return (await loadLazyModules()).destroyValue(this.#transport, name, options);
  }

  /** Returns the stored versions of a value, newest first. @throws NotFoundError value_not_found */
  async versions(name: string, options: VersionsOptions = {}): Promise<VersionInfo[]> {
    const call = { route: valueRoutes.listVersions, name: checkName(name) } as const;
    const { versions, damaged = [] } = await this.#transport.request(
      call,
      this.#transport.callSettings(options, 'onDamaged'),
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

  /**
   * Asks a person for a value. They type it on the page of `url`, and this client never sees it. Only they choose what it
   * may be used for. @throws ConflictError name_taken
   */
  async request(name: string, options: RequestOptions): Promise<SecretRequest> {
    return (await loadLazyModules()).requestSecret(this.#transport, name, options);
  }

  /** A request that was made before, by its id. Nothing is sent until it is asked. */
  async findRequest(id: string): Promise<SecretRequestHandle> {
    return (await loadLazyModules()).findSecretRequest(this.#transport, id);
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
    return (await loadLazyModules()).getValues(this.#transport, names, options);
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
    return (await loadLazyModules()).setValues(this.#transport, entries, options);
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

/** Wraps a decoder so that it accepts only a response with the requested name; a misrouted response is rejected. */
function withName<T extends { name: string }>(name: string, decode: Decoder<T>): Decoder<T> {
  return (json) => {
    const read = decode(json);
    return read?.name === name ? read : undefined;
  };
}
