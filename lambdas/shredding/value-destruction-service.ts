/** Destroys one value: deletes it with its history and signs a statement of which copies may still exist. */
import { functionTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { DestroyValueResponse } from '../../contract/shredding/wire.ts';
import { parseDekVersion } from '../../core/encryption/sealed-string.ts';
import type { Keyring } from '../../core/org-keys/org-keyring.ts';
import {
  type DestroyReceipt,
  destroyReceiptJwsType,
  destroyReceiptLimits,
  destroyReceiptStatement,
} from '../../core/shredding/receipt-statements.ts';
import { allSlots } from '../../core/values/history-slots.ts';
import type { Caller } from '../api-keys/api-key-ports.ts';
import { type Clock, isMalformed, type ReadVersion, type Signer, type StoredVersion } from '../shared/ports.ts';
import { addSeconds } from '../shared/timestamps.ts';
import { validateName } from '../shared/value-names.ts';
import { removeDeadSlots } from '../values/history-cleanup.ts';
import type { ValueStores } from '../values/value-ports.ts';
import { assessBackups } from './backup-assessment.ts';
import type { FindBackups, TableBackups } from './shred-ports.ts';

/** Maximum number of attempts if concurrent writers are faster. */
const maxAttempts = 8;
/** Maximum window of point-in-time recovery, milliseconds. */
const maxRecoveryWindowMs = 35 * 86_400_000;

/**
 * Seconds after `destroyedAt` at which no write can arrive that read the value before it was deleted. The receipt is
 * signed before the deletion, which this function makes within its run time. A writer that read the value just before
 * has then its own run time, and a request that it sent before its end may arrive five seconds later.
 */
const inFlightSeconds = 2 * functionTimeoutSeconds + 5;

export class ValueDestructionService {
  readonly #stores: ValueStores;
  readonly #findBackups: FindBackups;
  readonly #signer: Signer;
  readonly #clock: Clock;

  /** @param findBackups finds the backups of the value table */
  constructor(stores: ValueStores, findBackups: FindBackups, signer: Signer, clock: Clock) {
    this.#stores = stores;
    this.#findBackups = findBackups;
    this.#signer = signer;
    this.#clock = clock;
  }

  /**
   * Destroys the current state of a value. If it is set concurrently, the new state is read and destroyed. A retry
   * after a lost response finds no value; the audit log contains the record of the first request. History slots that a
   * deletion or an interrupted write left are destroyed too, with a receipt of their own.
   * @param keyring the org's keyring, neither locked nor shredded
   * @throws VaultError `invalid_name`, `invalid_request`, `write_contention`, `unavailable`
   */
  async destroy({ keyId }: Caller, keyring: Keyring, name: string, confirm: string): Promise<DestroyValueResponse> {
    validateName(name);
    if (confirm !== name) {
      throw new VaultError('invalid_request', {
        errors: [{ path: 'confirm', message: 'is not the name of the value' }],
      });
    }
    const { org } = keyring;
    const { values, history } = this.#stores;
    let lastReceipt: string | undefined;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const slots = await history.read(org, name, allSlots);
      const current = await values.readCurrent(org, name);
      if (current === undefined && (lastReceipt !== undefined || slots.length === 0)) {
        // The value was deleted: by an attempt of this call whose reply was lost, or by another call. The receipt of
        // the state that was read before is correct.
        await removeDeadSlots(this.#stores, org, name);
        return lastReceipt === undefined ? { destroyed: false } : { destroyed: true, receipt: lastReceipt };
      }
      const versions = [...(current === undefined ? [] : [current]), ...slots.map(({ content }) => content)];
      // Signed before the deletion and returned after it. If signing failed afterwards, the value would be deleted
      // without a receipt.
      const statement = await this.#buildReceipt(keyId, keyring, name, versions);
      const receipt = await this.#signer.sign(statement, destroyReceiptJwsType);
      if (current === undefined || (await values.deleteIfSame(org, name, current))) {
        await removeDeadSlots(this.#stores, org, name);
        return { destroyed: true, receipt };
      }
      lastReceipt = receipt;
    }
    throw new VaultError('write_contention', { detail: 'The value kept changing; it was not destroyed.' });
  }

  async #buildReceipt(
    requestedBy: string,
    { org, createdAt, deks }: Keyring,
    name: string,
    versions: readonly ReadVersion[],
  ): Promise<DestroyReceipt> {
    const backups = await this.#findBackups();
    const now = this.#clock();
    const destroyedAt = now.toISOString();
    const backupsEndAt = backupsExpireAt(backups, now);
    return {
      statement: destroyReceiptStatement,
      org,
      name,
      destroyedAt,
      inFlightUntil: addSeconds(now, inFlightSeconds),
      requestedBy,
      versions: withoutCopies(versions).map(toDestroyedVersion),
      deks: deks.filter(({ state }) => state !== 'retired').map(({ version }) => version),
      copies: assessBackups(backups, createdAt, destroyedAt, now),
      ...(backupsEndAt === undefined ? {} : { copiesEndAt: backupsEndAt }),
      limits: destroyReceiptLimits,
    };
  }
}

/** When the last copy expires; undefined while a backup exists that stays until someone deletes it. */
function backupsExpireAt({ backups, complete, pointInTimeRecovery }: TableBackups, now: Date): string | undefined {
  if (!complete || backups.length > 0) return undefined;
  return pointInTimeRecovery === 'DISABLED'
    ? now.toISOString()
    : new Date(now.getTime() + maxRecoveryWindowMs).toISOString();
}

/**
 * Newest first, versions of the latest life first, damaged items last. An interrupted write can leave a copy of the
 * current version in a slot; it is the same version.
 */
function withoutCopies(versions: readonly ReadVersion[]): readonly ReadVersion[] {
  const intact = new Map<string, StoredVersion>();
  for (const read of versions) {
    if (isMalformed(read)) continue;
    const id = `${read.life} ${read.version}`;
    if (!intact.has(id)) intact.set(id, read);
  }
  const sorted = [...intact.values()].sort((a, b) =>
    a.life === b.life ? b.version - a.version : a.life < b.life ? 1 : -1,
  );
  return [...sorted, ...versions.filter(isMalformed)];
}

function toDestroyedVersion(read: ReadVersion): DestroyReceipt['versions'][number] {
  if (isMalformed(read)) return {};
  const { version, value } = read;
  try {
    return { version, dek: parseDekVersion(value) };
  } catch {
    // A corrupt value can be destroyed too.
    return { version };
  }
}
