/** The rules of writing values: one conditional write of one item, safe to repeat. */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { DeleteValueResponse, SetValueRequest, ValueInfo, VersionInfo } from '../../contract/values/wire.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { Clock, StoredValue, StoredVersion } from '../shared/ports.ts';
import { checkedName } from '../shared/value-names.ts';
import { isExpired, openInfo, openValue, sealVersion } from './value-encryption.ts';
import type { EncryptionObserver, ValueStore } from './value-ports.ts';

/** Writers of one name that may come between before a write is given up. */
const attempts = 12;
const backoffBase = 5;
const backoffMost = 250;

/** The keyring with a DEK that seals, and the value as it stands. */
export interface WriteState {
  readonly keys: OpenKeyring;
  readonly stored: StoredValue | undefined;
}

/** Reads anew what a write stands on, when another writer came between. */
export type Reread = (name: string) => Promise<WriteState>;

export class Writing {
  readonly #values: ValueStore;
  readonly #clock: Clock;
  readonly #due: EncryptionObserver | undefined;

  constructor(values: ValueStore, clock: Clock, due?: EncryptionObserver) {
    this.#values = values;
    this.#clock = clock;
    this.#due = due;
  }

  /**
   * Stores the next version of a value. Sent again with the same write id, it stores nothing and returns what
   * the first one stored.
   * @throws VaultError `invalid_name`, `value_too_large`, `invalid_request`, `version_conflict`, `write_id_reused`,
   *   `write_contention`, `unavailable`
   */
  async set(first: WriteState, reread: Reread, name: string, request: SetValueRequest): Promise<ValueInfo> {
    checkedName(name);
    const wanted = this.#checked(request);
    // Without an id of the caller's, one of ours still tells our own lost reply from another's write.
    const writeId = request.writeId ?? randomUUID();
    let state = first;
    for (let attempt = 1; ; attempt++) {
      const repeated = await this.#repeated(state, name, writeId, request, wanted);
      if (repeated !== undefined) return { name, ...repeated };
      if (attempt > attempts) throw new VaultError('write_contention', { detail: 'Nothing was stored.' });
      await this.#compare(state, request.ifVersion);
      const info: VersionInfo = { version: (state.stored?.version ?? 0) + 1, ...wanted };
      const item = next(state, name, info, request.value, writeId);
      if (await this.#values.put(state.keys.keyring.org, item, state.stored)) {
        await this.#due?.noteSealed(state.keys);
        return { name, ...info };
      }
      // Another writer came first, or our own write did and its reply was lost: what is stored now tells.
      await sleep(Math.random() * Math.min(backoffMost, backoffBase * 2 ** attempt));
      state = await reread(name);
    }
  }

  /**
   * Deletes a value and its history. No key is needed: what can't be opened can still be deleted.
   * @throws VaultError `invalid_name`, `version_conflict`, `write_contention`, `unavailable`
   */
  async delete(
    org: string,
    stored: StoredValue | undefined,
    reread: () => Promise<StoredValue | undefined>,
    name: string,
    ifVersion: number | undefined,
  ): Promise<DeleteValueResponse> {
    checkedName(name);
    if (ifVersion === undefined) {
      const found = await this.#values.delete(org, name);
      // A reply lost on the way to us would show nothing left to delete: what was read before counts too.
      return { deleted: found || stored !== undefined };
    }
    if (stored === undefined) return { deleted: false };
    if (stored.version !== ifVersion) throw new VaultError('version_conflict', { currentVersion: stored.version });
    if (await this.#values.deleteAt(org, name, stored)) return { deleted: true };
    const now = await reread();
    if (now === undefined) return { deleted: true };
    throw new VaultError('version_conflict', { currentVersion: now.version });
  }

  /** What will be stored beside the value, once the request is known to be allowed. */
  #checked(request: SetValueRequest): Omit<VersionInfo, 'version'> {
    const bytes = Buffer.byteLength(request.value, 'utf8');
    if (bytes > limits.valueBytes) {
      throw new VaultError('value_too_large', {
        detail: `It has ${bytes} bytes of UTF-8; at most ${limits.valueBytes} are stored.`,
      });
    }
    const now = this.#clock();
    const expiresAt = request.expiresAt === undefined ? undefined : new Date(request.expiresAt);
    if (expiresAt !== undefined && !(expiresAt > now)) {
      throw new VaultError('invalid_request', { errors: [{ path: 'expiresAt', message: 'is not in the future' }] });
    }
    return {
      createdAt: now.toISOString(),
      ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
      metadata: request.metadata ?? {},
    };
  }

  /** The version that an earlier sending of this write has stored. @throws VaultError `write_id_reused` */
  async #repeated(
    { keys, stored }: WriteState,
    name: string,
    writeId: string,
    request: SetValueRequest,
    wanted: Omit<VersionInfo, 'version'>,
  ): Promise<VersionInfo | undefined> {
    if (stored === undefined) return undefined;
    const earlier = [stored, ...stored.history].find((kept) => kept.writeId === writeId);
    if (earlier === undefined) return undefined;
    const info = await openInfo(keys, name, earlier);
    const same =
      (await openValue(keys, name, earlier)) === request.value &&
      info.expiresAt === wanted.expiresAt &&
      sameEntries(info.metadata, wanted.metadata);
    if (!same) throw new VaultError('write_id_reused');
    return info;
  }

  /** @throws VaultError `version_conflict` */
  async #compare({ keys, stored }: WriteState, ifVersion: number | undefined): Promise<void> {
    if (ifVersion === undefined) return;
    // An expired value counts as absent for reading, so it must for comparing.
    const present = stored !== undefined && !isExpired(await openInfo(keys, stored.name, stored), this.#clock());
    const currentVersion = present ? stored.version : 0;
    if (currentVersion !== ifVersion) throw new VaultError('version_conflict', { currentVersion });
  }
}

function next(
  { keys, stored }: WriteState,
  name: string,
  info: VersionInfo,
  value: string,
  writeId: string,
): StoredValue {
  if (keys.active === undefined) throw new Error('a write needs an active DEK');
  const sealed = sealVersion(keys.active, name, info, value, writeId);
  const history = stored === undefined ? [] : kept(sealed, stored);
  const ttl = info.expiresAt === undefined ? undefined : Math.ceil(Date.parse(info.expiresAt) / 1000);
  return { name, ...sealed, history, ttl };
}

/** As many of the earlier versions, newest first, as the policy and the item hold. */
function kept(sealed: StoredVersion, { version, value, info, writeId, history }: StoredValue): StoredVersion[] {
  const size = (of: StoredVersion) => of.value.length + of.info.length + of.writeId.length;
  let bytes = size(sealed);
  const all = [{ version, value, info, writeId }, ...history].slice(0, limits.versionsKept - 1);
  const end = all.findIndex((of) => {
    bytes += size(of);
    return bytes > limits.itemBytes;
  });
  return end < 0 ? all : all.slice(0, end);
}

function sameEntries(a: Record<string, string>, b: Record<string, string>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
