/** Reads and lists values. */
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
import { isHidden, lastReservedName } from '../api-keys/permissions.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import { toItemResult } from '../shared/error-classification.ts';
import { decodeCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Clock, StoredValue } from '../shared/ports.ts';
import { validateName } from '../shared/value-names.ts';
import { decryptInfo, decryptValue, isVersionExpired } from './value-encryption.ts';
import type { ValueStore } from './value-ports.ts';

/** The request's values, read together with its API key and keyring. */
export type ValuesByName = ReadonlyMap<string, StoredValue>;

export class ValueReader {
  readonly #values: ValueStore;
  readonly #clock: Clock;

  constructor(values: ValueStore, clock: Clock) {
    this.#values = values;
    this.#clock = clock;
  }

  /** @throws VaultError `invalid_name`, `value_not_found`, `version_not_found`, `value_expired`; DecryptionError */
  async get(keys: OpenKeyring, values: ValuesByName, name: string, version?: number): Promise<Value> {
    const stored = values.get(validateName(name));
    const current = await this.#requireCurrent(keys, stored);
    if (version === undefined || version === current.stored.version) return await this.#decryptCurrent(keys, current);
    const earlier = current.stored.history.find((kept) => kept.version === version);
    if (earlier === undefined)
      throw new VaultError('version_not_found', { detail: this.#keptVersionsDetail(current.stored) });
    const info = await decryptInfo(keys, name, earlier);
    if (isVersionExpired(info, this.#clock())) throw new VaultError('value_expired');
    return { name, ...info, value: await decryptValue(keys, name, earlier) };
  }

  /**
   * Reads up to 100 values. Each name has a separate result.
   * @throws an unexpected error; VaultErrors and DecryptionErrors become results
   */
  async getMany(
    caller: Caller,
    keys: OpenKeyring,
    values: ValuesByName,
    names: readonly string[],
  ): Promise<GetValuesResponse> {
    const results: GetValuesItem[] = [];
    let replyBytes = 0;
    for (const name of names) {
      const result = await toItemResult(async () => {
        authorizeName(caller, name);
        if (replyBytes > limits.batchReplyBytes) throw new VaultError('reply_full');
        const value = await this.get(keys, values, name);
        // Stringified twice, because Lambda's reply contains the body as a JSON string. A quote takes four bytes there.
        replyBytes += Buffer.byteLength(JSON.stringify(JSON.stringify(value)), 'utf8');
        if (replyBytes > limits.batchReplyBytes) throw new VaultError('reply_full');
        return value;
      });
      results.push({ name, ...result });
    }
    return { results };
  }

  /** @throws VaultError `invalid_name`, `value_not_found`, `value_expired`; DecryptionError */
  async listVersions(keys: OpenKeyring, values: ValuesByName, name: string): Promise<ListVersionsResponse> {
    const { stored, info } = await this.#requireCurrent(keys, values.get(validateName(name)));
    const versions: VersionInfo[] = [info];
    for (const kept of stored.history) versions.push(await decryptInfo(keys, name, kept));
    const now = this.#clock();
    return { name, versions: versions.filter((version) => !isVersionExpired(version, now)) };
  }

  /**
   * One page of names. Reserved names are omitted for callers without access to them.
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
    const prefixError = prefix === '' ? undefined : prefixProblem(prefix);
    if (prefixError !== undefined)
      throw new VaultError('invalid_name', { detail: `The prefix is not allowed: ${prefixError}.` });
    const after = cursor === undefined ? undefined : decodeCursor(cursor, [org, 'values', prefix]);
    if (after !== undefined && (!after.startsWith(prefix) || nameProblem(after) !== undefined))
      throw new VaultError('invalid_cursor');
    const page = await this.#values.list(org, prefix, after, limit);
    const now = this.#clock();
    const values: ValueInfo[] = [];
    for (const item of page.items) {
      if (isHidden(caller, item.name)) continue;
      const info = await decryptInfo(keys, item.name, item);
      if (!isVersionExpired(info, now)) values.push({ name: item.name, ...info });
    }
    const last = page.items.at(-1);
    if (!page.more || last === undefined) return { values };
    // The holder of a cursor can decode the name in it, so it must not contain a hidden name.
    const resumeAfter = isHidden(caller, last.name) ? lastReservedName : last.name;
    return { values, cursor: encodeCursor([org, 'values', prefix], resumeAfter) };
  }

  /**
   * The current version. An expired current version hides all earlier ones.
   * @throws VaultError `value_not_found`, `value_expired`; DecryptionError
   */
  async #requireCurrent(
    keys: OpenKeyring,
    stored: StoredValue | undefined,
  ): Promise<{ stored: StoredValue; info: VersionInfo }> {
    if (stored === undefined) throw new VaultError('value_not_found');
    const info = await decryptInfo(keys, stored.name, stored);
    if (isVersionExpired(info, this.#clock())) throw new VaultError('value_expired');
    return { stored, info };
  }

  async #decryptCurrent(
    keys: OpenKeyring,
    { stored, info }: { stored: StoredValue; info: VersionInfo },
  ): Promise<Value> {
    return { name: stored.name, ...info, value: await decryptValue(keys, stored.name, stored) };
  }

  #keptVersionsDetail({ version, history }: StoredValue): string {
    return `Versions ${history.at(-1)?.version ?? version} to ${version} are kept.`;
  }
}
