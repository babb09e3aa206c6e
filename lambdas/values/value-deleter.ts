/**
 * Deletes values: first the current item, which frees the name, and then the history slots. A deletion that ended in
 * between is completed when it is sent again, or by the next rotation.
 */
import { VaultError } from '../../contract/shared/vault-error.ts';
import type { DeleteValueResponse } from '../../contract/values/wire.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { isKeptBeside, slotOf } from '../../core/values/history-slots.ts';
import { isMalformed, type ReadSlot, type ReadValue, type StoredVersion } from '../shared/ports.ts';
import { validateName } from '../shared/value-names.ts';
import { removeDeadSlots } from './history-cleanup.ts';
import type { ValueStores } from './value-ports.ts';

/** Maximum number of attempts if a rotation changes the version at the same time. */
const maxAttempts = 5;

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
        : await this.#deleteCurrentIfVersion(org, stored, reload, name, ifVersion);
    // Also if there was no item: an earlier deletion may have ended before it came to the slots.
    await removeDeadSlots(this.#stores, org, name);
    return { deleted };
  }

  /**
   * Deletes one earlier version. No DEK is needed, so a damaged version can be deleted. A write that was in progress
   * can put the version back before it ends, within `functionTimeoutSeconds`.
   * @throws VaultError `invalid_name`; `invalid_request` for the current version; `version_conflict`,
   *   `write_contention`, `unavailable`; DecryptionError if the current item is damaged, because its history is then
   *   unknown
   */
  async deleteEarlierVersion(
    org: string,
    stored: ReadValue | undefined,
    name: string,
    version: number,
    ifVersion: number | undefined,
  ): Promise<DeleteValueResponse> {
    validateName(name);
    if (stored === undefined) return { deleted: false };
    if (isMalformed(stored)) throw new DecryptionError();
    if (ifVersion !== undefined && stored.version !== ifVersion)
      throw new VaultError('version_conflict', { currentVersion: stored.version });
    if (version === stored.version) {
      const message = 'is the current version. Set another version first, or delete the value';
      throw new VaultError('invalid_request', { errors: [{ path: 'version', message }] });
    }
    if (!isKeptBeside(stored.version, version)) return { deleted: false };
    let deleted = false;
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const [slot] = await this.#stores.history.read(org, name, [slotOf(version)]);
      if (slot === undefined || !holdsVersion(slot, stored, version)) return { deleted };
      // False also after a lost reply. The next read shows which.
      if (await this.#stores.history.deleteIfSame(org, name, slot)) return { deleted: true };
      deleted = true;
    }
    throw new VaultError('write_contention', { detail: 'The version may still exist.' });
  }

  async #deleteCurrentIfVersion(
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

/** A slot that lacks the documented form counts as the version that belongs there. */
const holdsVersion = ({ content }: ReadSlot, { life }: StoredVersion, version: number): boolean =>
  isMalformed(content) || (content.life === life && content.version === version);

function versionOf(stored: ReadValue): number {
  if (isMalformed(stored)) throw new DecryptionError();
  return stored.version;
}
