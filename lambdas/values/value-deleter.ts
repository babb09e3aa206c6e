/**
 * Deletes values: first the current item, which frees the name, and then the history slots. A deletion that ended in
 * between is completed when it is sent again, or by the next rotation.
 */
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { DeleteValueResponse } from '../../contract/values/wire.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { isMalformed, type ReadValue } from '../shared/ports.ts';
import { validateName } from '../shared/value-names.ts';
import { removeDeadSlots } from './history-cleanup.ts';
import type { ValueStores } from './value-ports.ts';

export class ValueDeleter {
  readonly #stores: ValueStores;

  constructor(stores: ValueStores) {
    this.#stores = stores;
  }

  /**
   * Deletes a value and its history. No DEK is needed, so a damaged value can be deleted.
   * @throws VaultError `invalid_name`, `version_conflict`, `unavailable`; DecryptionError if `ifVersion` is given and
   *   the item has no version
   */
  async delete(
    org: string,
    stored: ReadValue | undefined,
    reload: () => Promise<ReadValue | undefined>,
    name: string,
    ifVersion: number | undefined,
  ): Promise<DeleteValueResponse> {
    validateName(name);
    const deleted =
      ifVersion === undefined
        ? // After a lost reply the SDK's retry finds no item, so a value that was read before also counts as deleted.
          (await this.#stores.values.delete(org, name)) || stored !== undefined
        : await this.#deleteVersion(org, stored, reload, name, ifVersion);
    // Also if there was no item: an earlier deletion may have ended before it came to the slots.
    await removeDeadSlots(this.#stores, org, name);
    return { deleted };
  }

  async #deleteVersion(
    org: string,
    stored: ReadValue | undefined,
    reload: () => Promise<ReadValue | undefined>,
    name: string,
    ifVersion: number,
  ): Promise<boolean> {
    if (stored === undefined) return false;
    if (versionOf(stored) !== ifVersion)
      throw new VaultError('version_conflict', { currentVersion: versionOf(stored) });
    if (await this.#stores.values.deleteIfSame(org, name, stored)) return true;
    const current = await reload();
    if (current === undefined) return true;
    throw new VaultError('version_conflict', { currentVersion: versionOf(current) });
  }
}

function versionOf(stored: ReadValue): number {
  if (isMalformed(stored)) throw new DecryptionError();
  return stored.version;
}
