/** Writes and deletes values. A write is one conditional write of one item and is safe to retry. */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { DeleteValueResponse, SetValueRequest, ValueInfo, VersionInfo } from '../../contract/values/wire.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import type { Clock, StoredValue, StoredVersion } from '../shared/ports.ts';
import { type Preconditions, preconditionsHold } from '../shared/preconditions.ts';
import { validateName } from '../shared/value-names.ts';
import { entityTagOf } from './entity-tag.ts';
import { decryptInfo, decryptValue, encryptVersion, isVersionExpired } from './value-encryption.ts';
import type { EncryptionObserver, ValueStore } from './value-ports.ts';

/** Maximum retries of a write when concurrent writers win. */
const maxAttempts = 12;
const backoffBaseMs = 5;
const backoffMaxMs = 250;

/** The current state that a write is based on: a keyring with an active DEK, and the stored value. */
export interface WriteSnapshot {
  readonly keys: OpenKeyring;
  readonly stored: StoredValue | undefined;
}

/** Reads that state again after a concurrent write. */
export type ReloadWriteSnapshot = (name: string) => Promise<WriteSnapshot>;

export class ValueWriter {
  readonly #values: ValueStore;
  readonly #clock: Clock;
  readonly #rotationTrigger: EncryptionObserver | undefined;

  constructor(values: ValueStore, clock: Clock, rotationTrigger?: EncryptionObserver) {
    this.#values = values;
    this.#clock = clock;
    this.#rotationTrigger = rotationTrigger;
  }

  /**
   * Stores the next version of a value. A retry with the same write ID stores nothing and returns the version stored
   * first.
   * @param preconditions from the headers of the request; like `ifVersion`, they apply to the value that is replaced
   * @throws VaultError `invalid_name`, `value_too_large`, `invalid_request`, `version_conflict`, `precondition_failed`,
   *   `write_id_reused`, `write_contention`, `unavailable`
   */
  async set(
    initial: WriteSnapshot,
    reload: ReloadWriteSnapshot,
    name: string,
    request: SetValueRequest,
    preconditions?: Preconditions,
  ): Promise<ValueInfo> {
    validateName(name);
    const versionInfo = this.#validateRequest(request, preconditions);
    // If the caller gave no write ID, a generated one still distinguishes this write's lost reply from another writer's
    // success.
    const writeId = request.writeId ?? randomUUID();
    let state = initial;
    for (let attempt = 1; ; attempt++) {
      const repeatedVersion = await this.#findRepeatedWrite(state, name, writeId, request, versionInfo);
      if (repeatedVersion !== undefined) return { name, ...repeatedVersion };
      if (attempt > maxAttempts) throw new VaultError('write_contention', { detail: 'Nothing was stored.' });
      await this.#assertCurrent(state, request.ifVersion, preconditions);
      const info: VersionInfo = { version: (state.stored?.version ?? 0) + 1, ...versionInfo };
      const item = buildStoredValue(state, name, info, request.value, writeId);
      if (await this.#values.putIfUnchanged(state.keys.keyring.org, item, state.stored)) {
        await this.#rotationTrigger?.recordEncryption(state.keys);
        return { name, ...info };
      }
      // Either another writer won, or this write succeeded and its reply was lost. The stored item shows which.
      await sleep(Math.random() * Math.min(backoffMaxMs, backoffBaseMs * 2 ** attempt));
      state = await reload(name);
    }
  }

  /**
   * Deletes a value and its history. No DEK is needed, so a value that cannot be decrypted can be deleted.
   * @throws VaultError `invalid_name`, `version_conflict`, `unavailable`
   */
  async delete(
    org: string,
    stored: StoredValue | undefined,
    reload: () => Promise<StoredValue | undefined>,
    name: string,
    ifVersion: number | undefined,
  ): Promise<DeleteValueResponse> {
    validateName(name);
    if (ifVersion === undefined) {
      const found = await this.#values.delete(org, name);
      // After a lost reply the SDK's retry finds no item, so a value that was read before also counts as deleted.
      return { deleted: found || stored !== undefined };
    }
    if (stored === undefined) return { deleted: false };
    if (stored.version !== ifVersion) throw new VaultError('version_conflict', { currentVersion: stored.version });
    if (await this.#values.deleteIfUnchanged(org, name, stored)) return { deleted: true };
    const current = await reload();
    if (current === undefined) return { deleted: true };
    throw new VaultError('version_conflict', { currentVersion: current.version });
  }

  /**
   * Validates a request. Returns the version info to store with the value.
   * @throws VaultError `value_too_large`, `invalid_request`
   */
  #validateRequest(request: SetValueRequest, preconditions: Preconditions | undefined): Omit<VersionInfo, 'version'> {
    if (request.ifVersion !== undefined && preconditions !== undefined) {
      throw new VaultError('invalid_request', {
        errors: [{ path: 'ifVersion', message: 'is not allowed together with If-Match or If-None-Match' }],
      });
    }
    const bytes = Buffer.byteLength(request.value, 'utf8');
    if (bytes > limits.valueBytes) {
      throw new VaultError('value_too_large', {
        detail: `It has ${bytes} bytes of UTF-8; at most ${limits.valueBytes} are allowed.`,
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

  /** The version that an earlier attempt of this write stored. @throws VaultError `write_id_reused` */
  async #findRepeatedWrite(
    { keys, stored }: WriteSnapshot,
    name: string,
    writeId: string,
    request: SetValueRequest,
    versionInfo: Omit<VersionInfo, 'version'>,
  ): Promise<VersionInfo | undefined> {
    if (stored === undefined) return undefined;
    const earlier = [stored, ...stored.history].find((kept) => kept.writeId === writeId);
    if (earlier === undefined) return undefined;
    const info = await decryptInfo(keys, name, earlier);
    const same =
      (await decryptValue(keys, name, earlier)) === request.value &&
      info.expiresAt === versionInfo.expiresAt &&
      hasSameEntries(info.metadata, versionInfo.metadata);
    if (!same) throw new VaultError('write_id_reused');
    return info;
  }

  /** @throws VaultError `version_conflict`, `precondition_failed` */
  async #assertCurrent(
    { keys, stored }: WriteSnapshot,
    ifVersion: number | undefined,
    preconditions: Preconditions | undefined,
  ): Promise<void> {
    if (ifVersion === undefined && preconditions === undefined) return;
    const info = stored === undefined ? undefined : await decryptInfo(keys, stored.name, stored);
    // An expired value counts as absent when it is read, so it also counts as absent here.
    const current = info === undefined || isVersionExpired(info, this.#clock()) ? undefined : info;
    const currentVersion = current?.version ?? 0;
    if (ifVersion !== undefined && currentVersion !== ifVersion)
      throw new VaultError('version_conflict', { currentVersion });
    const tag = current === undefined ? undefined : entityTagOf(current);
    if (preconditions !== undefined && !preconditionsHold(preconditions, tag))
      throw new VaultError('precondition_failed', { detail: 'Nothing was stored.', currentVersion });
  }
}

function buildStoredValue(
  { keys, stored }: WriteSnapshot,
  name: string,
  info: VersionInfo,
  value: string,
  writeId: string,
): StoredValue {
  if (keys.active === undefined) throw new Error('a write needs an active DEK');
  const sealed = encryptVersion(keys.active, name, info, value, writeId);
  const history = stored === undefined ? [] : historyWithinLimits(sealed, stored);
  const ttl = info.expiresAt === undefined ? undefined : Math.ceil(Date.parse(info.expiresAt) / 1000);
  return { name, ...sealed, history, ttl };
}

/** Earlier versions, newest first, up to the version limit and the item size limit. */
function historyWithinLimits(
  sealed: StoredVersion,
  { version, value, info, writeId, history }: StoredValue,
): StoredVersion[] {
  const size = (storedVersion: StoredVersion) =>
    storedVersion.value.length + storedVersion.info.length + storedVersion.writeId.length;
  let bytes = size(sealed);
  const all = [{ version, value, info, writeId }, ...history].slice(0, limits.versionsKept - 1);
  const firstOverLimit = all.findIndex((storedVersion) => {
    bytes += size(storedVersion);
    return bytes > limits.itemBytes;
  });
  return firstOverLimit < 0 ? all : all.slice(0, firstOverLimit);
}

function hasSameEntries(a: Record<string, string>, b: Record<string, string>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
