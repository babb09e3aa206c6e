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
import { DecryptionError } from '../../core/decryption-error.ts';
import { allSlots, isKeptBeside, keptVersionOf, slotOf } from '../../core/values/history-slots.ts';
import { isInNameRange } from '../../core/values/name-range.ts';
import type { Caller } from '../api-keys/api-key-ports.ts';
import { authorizeName } from '../api-keys/authorization.ts';
import { isHidden, lastReservedName } from '../api-keys/permissions.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import { awaitDecryption, toItemResult } from '../shared/error-classification.ts';
import { decodeCursor, encodeCursor, fitsSortKey } from '../shared/pagination-cursor.ts';
import {
  type Clock,
  isMalformed,
  type ReadSlot,
  type ReadValue,
  type StoredValue,
  type StoredVersion,
} from '../shared/ports.ts';
import { replyBytes } from '../shared/reply-bytes.ts';
import { validateName } from '../shared/value-names.ts';
import { assertReadable } from './approval-custody.ts';
import { decryptInfo, decryptSealedInfo, decryptValue, isVersionExpired } from './value-encryption.ts';
import type { ValueStores } from './value-ports.ts';

/** The request's values, read together with its API key and keyring. */
export type ValuesByName = ReadonlyMap<string, ReadValue>;

/** Called with the name of a tripwire whose value is about to be returned. */
export type OnTripwire = (name: string) => void;

export class ValueReader {
  readonly #stores: ValueStores;
  readonly #clock: Clock;

  constructor(stores: ValueStores, clock: Clock) {
    this.#stores = stores;
    this.#clock = clock;
  }

  /**
   * A value for a caller that reads it.
   * @param onTripwire every caller that discloses or uses the value passes it
   * @throws VaultError `value_not_readable` for custody `approval`, and those of `getStored`; DecryptionError
   */
  async get(
    keys: OpenKeyring,
    values: ValuesByName,
    name: string,
    version: number | undefined,
    onTripwire: OnTripwire | undefined,
  ): Promise<Value> {
    const value = await this.getStored(keys, values, name, version, onTripwire);
    assertReadable(value.metadata);
    return value;
  }

  /**
   * A value as it is stored. That of custody `approval` is still sealed.
   * @throws VaultError `invalid_name`, `value_not_found`, `version_not_found`, `value_expired`; DecryptionError
   */
  async getStored(
    keys: OpenKeyring,
    values: ValuesByName,
    name: string,
    version: number | undefined,
    onTripwire: OnTripwire | undefined,
  ): Promise<Value> {
    const current = await this.#requireCurrent(keys, values.get(validateName(name)));
    // The mark of the current version counts for all: who marks a value does not expect its earlier versions to be silent.
    if (current.isTripwire) onTripwire?.(name);
    if (version === undefined || version === current.stored.version) return await this.#decryptCurrent(keys, current);
    if (!isKeptBeside(current.stored.version, version)) throw versionNotFound(current.stored);
    const [slot] = await this.#stores.history.read(keys.keyring.org, name, [slotOf(version)]);
    const earlier = slot === undefined ? undefined : versionInSlot(slot, current.stored);
    if (earlier === undefined) throw versionNotFound(current.stored);
    if (earlier === 'damaged') throw new DecryptionError();
    const { info, isTripwire } = await decryptSealedInfo(keys, name, earlier);
    if (isTripwire && !current.isTripwire) onTripwire?.(name);
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
    onTripwire: OnTripwire,
  ): Promise<GetValuesResponse> {
    const results: GetValuesItem[] = [];
    let bytes = 0;
    for (const name of names) {
      const result = await toItemResult(async () => {
        authorizeName(caller, name);
        if (bytes > limits.batchReplyBytes) throw new VaultError('reply_full');
        const value = await this.get(keys, values, name, undefined, onTripwire);
        bytes += replyBytes(value);
        if (bytes > limits.batchReplyBytes) throw new VaultError('reply_full');
        return value;
      });
      results.push({ name, ...result });
    }
    return { results };
  }

  /**
   * The kept versions. A damaged earlier version is reported by its number and does not fail the list.
   * @throws VaultError `invalid_name`, `value_not_found`, `value_expired`; DecryptionError
   */
  async listVersions(keys: OpenKeyring, values: ValuesByName, name: string): Promise<ListVersionsResponse> {
    const { stored, info } = await this.#requireCurrent(keys, values.get(validateName(name)));
    const versions: VersionInfo[] = [info];
    const damaged: number[] = [];
    // Read after the current version, so that every version before it is in its slot already.
    for (const slot of await this.#stores.history.read(keys.keyring.org, name, allSlots)) {
      const version = keptVersionOf(stored.version, slot.slot);
      const kept = versionInSlot(slot, stored);
      if (version === undefined || kept === undefined) continue;
      const keptInfo = kept === 'damaged' ? undefined : await awaitDecryption(decryptInfo(keys, name, kept));
      if (keptInfo === undefined) damaged.push(version);
      else versions.push(keptInfo);
    }
    const now = this.#clock();
    return {
      name,
      versions: versions.filter((version) => !isVersionExpired(version, now)).sort((a, b) => b.version - a.version),
      ...(damaged.length === 0 ? {} : { damaged: damaged.sort((a, b) => b - a) }),
    };
  }

  /**
   * One page of names. Reserved names are omitted for callers without access to them. A damaged value is reported by
   * its name and does not fail the list. Items with names that the vault never writes are omitted.
   * @throws VaultError `invalid_name` (of the prefix), `invalid_cursor`
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
    const page = await this.#stores.values.list(org, prefix, startOfPage(org, prefix, cursor), limit);
    const now = this.#clock();
    const values: ValueInfo[] = [];
    const damaged: string[] = [];
    for (const { name, stored } of page.items) {
      if (isHidden(caller, name) || nameProblem(name) !== undefined) continue;
      const info = stored === undefined ? undefined : await awaitDecryption(decryptInfo(keys, name, stored));
      if (info === undefined) damaged.push(name);
      else if (!isVersionExpired(info, now)) values.push({ name, ...info });
    }
    const found = { values, ...(damaged.length === 0 ? {} : { damaged }) };
    const last = page.items.at(-1);
    if (!page.more || last === undefined) return found;
    // The holder of a cursor can decode the name in it, so it must not contain a hidden name.
    // A name that the vault never writes hides nothing, and can come after all reserved names.
    const isSecret = isHidden(caller, last.name) && nameProblem(last.name) === undefined;
    const resumeAfter = isSecret ? lastReservedName : last.name;
    return { ...found, cursor: encodeCursor([org, 'values', prefix], resumeAfter) };
  }

  /**
   * The current version. An expired current version hides all earlier ones.
   * @throws VaultError `value_not_found`, `value_expired`; DecryptionError
   */
  async #requireCurrent(
    keys: OpenKeyring,
    stored: ReadValue | undefined,
  ): Promise<{ stored: StoredValue; info: VersionInfo; isTripwire: boolean }> {
    if (stored === undefined) throw new VaultError('value_not_found');
    if (isMalformed(stored)) throw new DecryptionError();
    const { info, isTripwire } = await decryptSealedInfo(keys, stored.name, stored);
    if (isVersionExpired(info, this.#clock())) throw new VaultError('value_expired');
    return { stored, info, isTripwire };
  }

  async #decryptCurrent(
    keys: OpenKeyring,
    { stored, info }: { stored: StoredValue; info: VersionInfo },
  ): Promise<Value> {
    return { name: stored.name, ...info, value: await decryptValue(keys, stored.name, stored) };
  }
}

/** The name after which a page begins. @throws VaultError `invalid_name` (of the prefix), `invalid_cursor` */
function startOfPage(org: string, prefix: string, cursor: string | undefined): string | undefined {
  const prefixError = prefix === '' ? undefined : prefixProblem(prefix);
  if (prefixError !== undefined)
    throw new VaultError('invalid_name', { detail: `The prefix is not allowed: ${prefixError}.` });
  if (cursor === undefined) return undefined;
  const after = decodeCursor(cursor, [org, 'values', prefix]);
  // Any key in the range of names, because a page can end at an item whose name the vault never writes.
  if (!(after.startsWith(prefix) && isInNameRange(after) && fitsSortKey(after, 0)))
    throw new VaultError('invalid_cursor');
  return after;
}

/**
 * The earlier version that a slot holds; undefined if it holds none of this value: a version of another life, a version
 * that is no longer kept, or a copy of the current version that an interrupted write left.
 */
function versionInSlot({ slot, content }: ReadSlot, current: StoredValue): StoredVersion | 'damaged' | undefined {
  if (isMalformed(content)) return 'damaged';
  const expected = keptVersionOf(current.version, slot);
  return content.life === current.life && content.version === expected ? content : undefined;
}

const versionNotFound = ({ version }: StoredValue) =>
  new VaultError('version_not_found', {
    detail: `The current version is ${version}. At most ${limits.versionsKept} versions are kept.`,
  });
