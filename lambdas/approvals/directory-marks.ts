/** The highest head of each directory that the broker used (docs/approvals.md, section 2). It only moves forward. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { type DirectoryMark, decodeDirectoryMark, encodeDirectoryMark } from '../../core/records/directory-mark.ts';
import type { AuthenticationKeys } from '../records/authentication-keys.ts';
import type { OrgMarkStore, StoredOrgMark } from '../records/record-ports.ts';

const maxAttempts = 5;

export class DirectoryMarks {
  readonly #keys: AuthenticationKeys;
  readonly #store: OrgMarkStore;

  constructor(keys: AuthenticationKeys, store: OrgMarkStore) {
    this.#keys = keys;
    this.#store = store;
  }

  /**
   * The mark as it is stored now. Without one, the given one is stored: nobody used a directory of the org before.
   * @returns undefined if it was stored now
   * @throws VaultError `unavailable`; DecryptionError for a mark that the vault did not make
   */
  async getOrCreate(first: DirectoryMark): Promise<DirectoryMark | undefined> {
    const { org } = first;
    const key = await this.#keys.get(org);
    const stored = await this.#read(org);
    if (stored instanceof VaultError || stored === undefined) {
      // S3 says "forbidden" for a missing object to callers that may not list. Only a create tells the difference.
      if ((await this.#store.write(org, encodeDirectoryMark(key, first), undefined)) !== undefined) return undefined;
      const again = await this.#read(org);
      if (again === undefined || again instanceof VaultError) throw again ?? new VaultError('unavailable');
      return decodeDirectoryMark(key, again.text);
    }
    return decodeDirectoryMark(key, stored.text);
  }

  /** Stores a mark, unless there is one as high. @throws VaultError `write_contention`, `unavailable`; DecryptionError */
  async raise(mark: DirectoryMark): Promise<void> {
    const key = await this.#keys.get(mark.org);
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const stored = await this.#store.read(mark.org);
      if (stored !== undefined && decodeDirectoryMark(key, stored.text).seq >= mark.seq) return;
      const written = await this.#store.write(mark.org, encodeDirectoryMark(key, mark), stored?.etag);
      if (written !== undefined) return;
    }
    throw new VaultError('write_contention', { detail: 'Nothing was sent to the host. Send the same request again.' });
  }

  async #read(org: string): Promise<StoredOrgMark | VaultError | undefined> {
    try {
      return await this.#store.read(org);
    } catch (error) {
      if (error instanceof VaultError && error.code === 'unavailable') return error;
      throw error;
    }
  }
}
