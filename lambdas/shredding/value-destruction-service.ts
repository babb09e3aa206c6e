/** The rules of destroying one value: it is deleted with its history, and a signed statement says what could still hold a copy. */
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

/** Writers of the value that may come between before it is given up. */
const maxAttempts = 8;
/** The longest that point-in-time recovery reaches back, milliseconds. */
const maxRecoveryWindowMs = 35 * 86_400_000;

/** Reads the value again, with its history. */
export type ReloadStoredValue = () => Promise<StoredValue | undefined>;

export class ValueDestructionService {
  readonly #values: Pick<ValueStore, 'deleteIfUnchanged'>;
  readonly #findBackups: FindBackups;
  readonly #signer: Signer;
  readonly #clock: Clock;

  /** @param findBackups those of the table of values */
  constructor(values: Pick<ValueStore, 'deleteIfUnchanged'>, findBackups: FindBackups, signer: Signer, clock: Clock) {
    this.#values = values;
    this.#findBackups = findBackups;
    this.#signer = signer;
    this.#clock = clock;
  }

  /**
   * Destroys a value as it is stored when it is destroyed: one that is set meanwhile is read again. Sent again after a lost
   * answer, it finds nothing of that name; the audit has the first one's record.
   * @param keyring the org's, which is neither locked nor shredded
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
      // Signed before, handed out after: were the signature missing then, the value would be gone without a receipt.
      const receipt = await this.#signer.sign(await this.#buildReceipt(keyId, keyring, stored), destroyReceiptJwsType);
      if (await this.#values.deleteIfUnchanged(keyring.org, name, stored)) return { destroyed: true, receipt };
      // Set meanwhile; or deleted by this very call, whose reply was lost, or by another at the same time: gone as stated.
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

/** When the last copy is gone by itself; undefined while there is one that stays until someone deletes it. */
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
    // What is damaged can be destroyed too.
    return { version };
  }
}
