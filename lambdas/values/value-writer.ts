/**
 * Writes values. A write first puts the outgoing version into its history slot and then replaces the current item. Each
 * of the two is one conditional write of one item and is safe to repeat. If the process ends between them, the slot
 * holds a copy of the current version, which readers ignore and the next write replaces.
 */

import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { SetValueRequest, ValueInfo, VersionInfo } from '../../contract/values/wire.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { createTimeId } from '../../core/encoding/time-ordered-id.ts';
import { toTtlSeconds } from '../../core/encoding/ttl-seconds.ts';
import type { OpenKeyring } from '../org-keys/keyring-opener.ts';
import { awaitDecryption } from '../shared/error-classification.ts';
import { type Clock, isMalformed, type ReadValue, type StoredValue } from '../shared/ports.ts';
import { type Preconditions, preconditionsHold } from '../shared/preconditions.ts';
import { validateName } from '../shared/value-names.ts';
import { assertSealedFor, sealedVersionOf } from './approval-custody.ts';
import { entityTagOf } from './entity-tag.ts';
import { removeBlockingSlot, removeDeadSlots } from './history-cleanup.ts';
import { findRepeatedWrite, hintsAfter, type RequestedWrite } from './repeated-write.ts';
import { decryptSealedInfo, encryptForHistory, encryptVersion, isVersionExpired } from './value-encryption.ts';
import type { EncryptionObserver, ValueStores } from './value-ports.ts';

/** Maximum retries of a write when concurrent writers win. */
const maxAttempts = 12;
const backoffBaseMs = 5;
const backoffMaxMs = 250;

/** The current state that a write is based on: a keyring with an active DEK, and the item of the name. */
export interface WriteSnapshot {
  readonly keys: OpenKeyring;
  readonly stored: ReadValue | undefined;
}

/** Reads that state again after a concurrent write. */
export type ReloadWriteSnapshot = (name: string) => Promise<WriteSnapshot>;

/** The current version. Its life and version are authenticated, because its metadata was decrypted. */
interface CurrentVersion {
  readonly stored: StoredValue;
  readonly info: VersionInfo;
  readonly isTripwire: boolean;
}

export class ValueWriter {
  readonly #stores: ValueStores;
  readonly #clock: Clock;
  readonly #rotationTrigger: EncryptionObserver | undefined;

  constructor(stores: ValueStores, clock: Clock, rotationTrigger?: EncryptionObserver) {
    this.#stores = stores;
    this.#clock = clock;
    this.#rotationTrigger = rotationTrigger;
  }

  /**
   * Stores the next version of a value. A retry with the same write ID stores nothing and returns the version stored
   * first. A damaged item is replaced by the first version of a new life.
   * @param preconditions from the headers of the request; like `ifVersion`, they apply to the value that is replaced
   * A value of custody `approval` is stored only as the version for which it was sealed.
   * @throws VaultError `invalid_name`, `value_too_large`, `invalid_request`, `version_conflict`, `precondition_failed`,
   *   `write_id_reused`, `write_contention`, `unavailable`; DecryptionError if there is a condition and the item is
   *   damaged
   */
  async set(
    initial: WriteSnapshot,
    reload: ReloadWriteSnapshot,
    name: string,
    request: SetValueRequest,
    preconditions?: Preconditions,
  ): Promise<ValueInfo> {
    validateName(name);
    const write: RequestedWrite = {
      // If the caller gave no write ID, a generated one still distinguishes this write's lost reply from another
      // writer's success.
      writeId: request.writeId ?? randomUUID(),
      request,
      info: this.#validateRequest(request, preconditions),
    };
    const sealedFor = sealedVersionOf(request);
    let snapshot = initial;
    for (let attempt = 1; ; attempt++) {
      const current = await openCurrent(snapshot);
      const repeated = await this.#findRepeated(snapshot, current, write);
      if (repeated !== undefined) return { name, ...repeated };
      if (attempt > maxAttempts) throw new VaultError('write_contention', { detail: 'Nothing was stored.' });
      // A damaged item is replaced only if it is also damaged when it and the keyring are read again.
      if (current !== 'damaged' || attempt > 1) {
        this.#assertCurrent(current, request.ifVersion, preconditions);
        assertSealedFor(sealedFor, nextVersion(current));
        const stored = await this.#tryStore(snapshot, current, name, write);
        if (stored !== undefined) return stored;
        await sleep(Math.random() * Math.min(backoffMaxMs, backoffBaseMs * 2 ** attempt));
      }
      snapshot = await this.#reloadAfter(snapshot, current, reload, name);
    }
  }

  /** @throws VaultError `write_id_reused` */
  async #findRepeated(
    { keys }: WriteSnapshot,
    current: CurrentVersion | 'damaged' | undefined,
    write: RequestedWrite,
  ): Promise<VersionInfo | undefined> {
    if (current === undefined || current === 'damaged') return undefined;
    return await findRepeatedWrite(this.#stores.history, keys, current.stored, write);
  }

  /** Stores the next version; undefined if another writer won, or if this write succeeded and its reply was lost. */
  async #tryStore(
    { keys, stored: before }: WriteSnapshot,
    current: CurrentVersion | 'damaged' | undefined,
    name: string,
    { writeId, request, info }: RequestedWrite,
  ): Promise<ValueInfo | undefined> {
    const { org } = keys.keyring;
    const { values, history } = this.#stores;
    if (keys.active === undefined) throw new Error('a write needs an active DEK');
    const outgoing = current === undefined || current === 'damaged' ? undefined : current.stored;
    let hints = outgoing?.hints;
    if (outgoing !== undefined) {
      const kept = await encryptForHistory(keys, keys.active, name, outgoing);
      if (kept !== undefined) {
        if (!(await history.put(org, name, kept))) {
          await removeBlockingSlot(this.#stores, org, name, outgoing.version);
          return undefined;
        }
        hints = hintsAfter(outgoing);
      }
    }
    const id = {
      life: outgoing?.life ?? createTimeId(this.#clock().getTime(), randomBytes(16)),
      version: nextVersion(current),
      writeId,
    };
    const ttl = info.expiresAt === undefined ? undefined : toTtlSeconds(info.expiresAt);
    const sealed = { ...info, ...tripwireOf(request, current) };
    const next = { name, ...encryptVersion(keys.active, name, id, sealed, request.value), hints, ttl };
    if (!(await values.putIfUnchanged(org, next, before))) return undefined;
    // The slots of the life that the damaged item had are of no use to the new one.
    if (current === 'damaged') await removeDeadSlots(this.#stores, org, name);
    await this.#rotationTrigger?.recordEncryption(keys);
    return { name, version: id.version, ...info };
  }

  /** Reads again. If the value was deleted in between, this write may have put its last version back into a slot. */
  async #reloadAfter(
    { keys }: WriteSnapshot,
    current: CurrentVersion | 'damaged' | undefined,
    reload: ReloadWriteSnapshot,
    name: string,
  ): Promise<WriteSnapshot> {
    const next = await reload(name);
    if (current === undefined || current === 'damaged') return next;
    const isSameLife =
      next.stored !== undefined && !isMalformed(next.stored) && next.stored.life === current.stored.life;
    if (!isSameLife) await removeDeadSlots(this.#stores, keys.keyring.org, name);
    return next;
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

  /**
   * @throws VaultError `version_conflict`, `precondition_failed`; DecryptionError if the item is damaged, because its
   *   version is unknown
   */
  #assertCurrent(
    stored: CurrentVersion | 'damaged' | undefined,
    ifVersion: number | undefined,
    preconditions: Preconditions | undefined,
  ): void {
    if (ifVersion === undefined && preconditions === undefined) return;
    if (stored === 'damaged') throw new DecryptionError();
    // An expired value counts as absent when it is read, so it also counts as absent here.
    const current = stored === undefined || isVersionExpired(stored.info, this.#clock()) ? undefined : stored.info;
    const currentVersion = current?.version ?? 0;
    if (ifVersion !== undefined && currentVersion !== ifVersion)
      throw new VaultError('version_conflict', { currentVersion });
    const tag = current === undefined ? undefined : entityTagOf(current);
    if (preconditions !== undefined && !preconditionsHold(preconditions, tag))
      throw new VaultError('precondition_failed', { detail: 'Nothing was stored.', currentVersion });
  }
}

/** The mark of the next version. A writer that does not know of a tripwire must not end it. */
function tripwireOf(
  { tripwire }: SetValueRequest,
  current: CurrentVersion | 'damaged' | undefined,
): { readonly tripwire?: true } {
  const wasTripwire = current !== undefined && current !== 'damaged' && current.isTripwire;
  return (tripwire ?? wasTripwire) ? { tripwire: true } : {};
}
/** The version that a write stores. A damaged item is replaced by the first version of a new life. */
const nextVersion = (current: CurrentVersion | 'damaged' | undefined): number =>
  current === undefined || current === 'damaged' ? 1 : current.stored.version + 1;

/** The current version; `damaged` if the item lacks the documented form or its metadata cannot be decrypted. */
async function openCurrent({ keys, stored }: WriteSnapshot): Promise<CurrentVersion | 'damaged' | undefined> {
  if (stored === undefined) return undefined;
  if (isMalformed(stored)) return 'damaged';
  const opened = await awaitDecryption(decryptSealedInfo(keys, stored.name, stored));
  return opened === undefined ? 'damaged' : { stored, ...opened };
}
