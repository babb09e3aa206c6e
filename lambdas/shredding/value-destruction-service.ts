/** Destroys one value: deletes it with its history and signs a statement of which copies may still exist. */
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
import type { Caller } from '../api-keys/api-key-ports.ts';
import type { Clock, Signer, StoredValue, StoredVersion } from '../shared/ports.ts';
import { validateName } from '../shared/value-names.ts';
import type { ValueStore } from '../values/value-ports.ts';
import { assessBackups } from './backup-assessment.ts';
import type { FindBackups, TableBackups } from './shred-ports.ts';

/** Maximum number of attempts if concurrent writers are faster. */
const maxAttempts = 8;
/** Maximum window of point-in-time recovery, milliseconds. */
const maxRecoveryWindowMs = 35 * 86_400_000;

/** Reads the value again with its history. */
export type ReloadStoredValue = () => Promise<StoredValue | undefined>;

export class ValueDestructionService {
  readonly #values: Pick<ValueStore, 'deleteIfUnchanged'>;
  readonly #findBackups: FindBackups;
  readonly #signer: Signer;
  readonly #clock: Clock;

  /** @param findBackups finds the backups of the value table */
  constructor(values: Pick<ValueStore, 'deleteIfUnchanged'>, findBackups: FindBackups, signer: Signer, clock: Clock) {
    this.#values = values;
    this.#findBackups = findBackups;
    this.#signer = signer;
    this.#clock = clock;
  }

  /**
   * Destroys the current state of a value. If it is set concurrently, the new state is read and destroyed. A retry
   * after a lost response finds no value; the audit log contains the record of the first request.
   * @param keyring the org's keyring, neither locked nor shredded
   * @throws VaultError `invalid_name`, `invalid_request`, `write_contention`, `unavailable`
   */
  async destroy(
    { keyId }: Caller,
    keyring: Keyring,
    name: string,
    confirm: string,
    initial: StoredValue | undefined,
    reload: ReloadStoredValue,
  ): Promise<DestroyValueResponse> {
    validateName(name);
    if (confirm !== name) {
      throw new VaultError('invalid_request', {
        errors: [{ path: 'confirm', message: 'is not the name of the value' }],
      });
    }
    let stored = initial;
    let lastReceipt: string | undefined;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      if (stored === undefined)
        return lastReceipt === undefined ? { destroyed: false } : { destroyed: true, receipt: lastReceipt };
      // Signed before the deletion and returned after it. If signing failed afterwards, the value would be deleted
      // without a receipt.
      const receipt = await this.#signer.sign(await this.#buildReceipt(keyId, keyring, stored), destroyReceiptJwsType);
      if (await this.#values.deleteIfUnchanged(keyring.org, name, stored)) return { destroyed: true, receipt };
      // The value was set concurrently, or it was deleted: by an attempt of this call whose reply was lost, or by
      // another call. If it was deleted, the receipt is correct.
      lastReceipt = receipt;
      stored = await reload();
    }
    throw new VaultError('write_contention', { detail: 'The value kept changing; it was not destroyed.' });
  }

  async #buildReceipt(
    requestedBy: string,
    { org, createdAt, deks }: Keyring,
    stored: StoredValue,
  ): Promise<DestroyReceipt> {
    const backups = await this.#findBackups();
    const now = this.#clock();
    const destroyedAt = now.toISOString();
    const backupsEndAt = backupsExpireAt(backups, now);
    return {
      statement: destroyReceiptStatement,
      org,
      name: stored.name,
      destroyedAt,
      requestedBy,
      versions: [stored, ...stored.history].map(toDestroyedVersion),
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

function toDestroyedVersion({ version, value }: StoredVersion): DestroyReceipt['versions'][number] {
  try {
    return { version, dek: parseDekVersion(value) };
  } catch {
    // A corrupt value can be destroyed too.
    return { version };
  }
}
