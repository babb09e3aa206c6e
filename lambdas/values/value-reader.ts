/** The rules of reading values. */
import { limits } from '../../contract/shared/limits.ts';
import { nameProblem, prefixProblem } from '../../contract/shared/name-patterns.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type {
  GetValuesItem,
  GetValuesResponse,
  ListValuesResponse,
  ListVersionsResponse,
  Value,
  ValueInfo,
  VersionInfo,
} from '../../contract/values/wire.ts';
import type { Caller } from '../api-keys/api-key-ports.ts';
import { authorizeName } from '../api-keys/authorization.ts';
import { isHidden, lastReserved } from '../api-keys/permissions.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import { asItem } from '../shared/batch-item-result.ts';
import { decodeCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Clock, StoredValue } from '../shared/ports.ts';
import { checkedName } from '../shared/value-names.ts';
import { isExpired, openInfo, openValue } from './value-encryption.ts';
import type { ValueStore } from './value-ports.ts';

/** Values of the request, as read with its key and keyring. */
export type Values = ReadonlyMap<string, StoredValue>;

export class Reading {
  readonly #values: ValueStore;
  readonly #clock: Clock;

  constructor(values: ValueStore, clock: Clock) {
    this.#values = values;
    this.#clock = clock;
  }

  /** @throws VaultError `invalid_name`, `value_not_found`, `version_not_found`, `value_expired`; DecryptionError */
  async get(keys: OpenKeyring, values: Values, name: string, version?: number): Promise<Value> {
    const stored = values.get(checkedName(name));
    const current = await this.#present(keys, stored);
    if (version === undefined || version === current.stored.version) return await this.#value(keys, current);
    const earlier = current.stored.history.find((kept) => kept.version === version);
    if (earlier === undefined) throw new VaultError('version_not_found', { detail: this.#kept(current.stored) });
    const info = await openInfo(keys, name, earlier);
    if (isExpired(info, this.#clock())) throw new VaultError('value_expired');
    return { name, ...info, value: await openValue(keys, name, earlier) };
  }

  /** Up to 100 values, each with a result of its own. @throws VaultError `invalid_request` when a name repeats */
  async getMany(
    caller: Caller,
    keys: OpenKeyring,
    values: Values,
    names: readonly string[],
  ): Promise<GetValuesResponse> {
    const results: GetValuesItem[] = [];
    let bytes = 0;
    for (const name of names) {
      const item = await asItem(async () => {
        authorizeName(caller, name);
        if (bytes > limits.batchReplyBytes) throw new VaultError('reply_full');
        const value = await this.get(keys, values, name);
        // Twice, since Lambda's reply holds the body as a JSON string: a quote takes four bytes there.
        bytes += Buffer.byteLength(JSON.stringify(JSON.stringify(value)), 'utf8');
        if (bytes > limits.batchReplyBytes) throw new VaultError('reply_full');
        return value;
      });
      results.push({ name, ...item });
    }
    return { results };
  }

  /** @throws VaultError `invalid_name`, `value_not_found`, `value_expired`; DecryptionError */
  async versions(keys: OpenKeyring, values: Values, name: string): Promise<ListVersionsResponse> {
    const { stored, info } = await this.#present(keys, values.get(checkedName(name)));
    const versions: VersionInfo[] = [info];
    for (const kept of stored.history) versions.push(await openInfo(keys, name, kept));
    const now = this.#clock();
    return { name, versions: versions.filter((version) => !isExpired(version, now)) };
  }

  /**
   * One page of names; reserved ones are left out for a caller that has no part in them.
   * @throws VaultError `invalid_name` (of the prefix), `invalid_cursor`; DecryptionError
   */
  async list(
    caller: Caller,
    keys: OpenKeyring,
    {
      prefix = '',
      cursor,
      limit = limits.pageSize,
    }: { prefix?: string | undefined; cursor?: string | undefined; limit?: number | undefined },
  ): Promise<ListValuesResponse> {
    const { org } = keys.keyring;
    const problem = prefix === '' ? undefined : prefixProblem(prefix);
    if (problem !== undefined)
      throw new VaultError('invalid_name', { detail: `The prefix is not allowed: ${problem}.` });
    const after = cursor === undefined ? undefined : decodeCursor(cursor, [org, 'values', prefix]);
    if (after !== undefined && (!after.startsWith(prefix) || nameProblem(after) !== undefined))
      throw new VaultError('invalid_cursor');
    const page = await this.#values.list(org, prefix, after, limit);
    const now = this.#clock();
    const values: ValueInfo[] = [];
    for (const item of page.items) {
      if (isHidden(caller, item.name)) continue;
      const info = await openInfo(keys, item.name, item);
      if (!isExpired(info, now)) values.push({ name: item.name, ...info });
    }
    const last = page.items.at(-1);
    if (!page.more || last === undefined) return { values };
    // Whoever has a cursor can read the name in it.
    const from = isHidden(caller, last.name) ? lastReserved : last.name;
    return { values, cursor: encodeCursor([org, 'values', prefix], from) };
  }

  /** The current version, unless there is none or it has expired, which hides what came before it as well. */
  async #present(
    keys: OpenKeyring,
    stored: StoredValue | undefined,
  ): Promise<{ stored: StoredValue; info: VersionInfo }> {
    if (stored === undefined) throw new VaultError('value_not_found');
    const info = await openInfo(keys, stored.name, stored);
    if (isExpired(info, this.#clock())) throw new VaultError('value_expired');
    return { stored, info };
  }

  async #value(keys: OpenKeyring, { stored, info }: { stored: StoredValue; info: VersionInfo }): Promise<Value> {
    return { name: stored.name, ...info, value: await openValue(keys, stored.name, stored) };
  }

  #kept({ version, history }: StoredValue): string {
    return `Versions kept are ${history.at(-1)?.version ?? version} to ${version}.`;
  }
}
