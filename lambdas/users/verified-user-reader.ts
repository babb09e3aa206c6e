/** Reads users together with the verified keyring of their organization. */
import { VaultError } from '../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import type { UserRef } from '../../core/users/user-root-key.ts';
import type { KeyringVerifier } from '../org-keys/keyring-verifier.ts';
import type { RecordKey, StoredUserData, UserReader, UserRecordReader } from './user-ports.ts';

export class VerifiedUserReader implements UserReader {
  readonly #reader: UserRecordReader;
  readonly #verifier: KeyringVerifier;

  constructor(reader: UserRecordReader, verifier: KeyringVerifier) {
    this.#reader = reader;
    this.#verifier = verifier;
  }

  async read(owner: UserRef, records: readonly RecordKey[]): Promise<StoredUserData> {
    const { orgKeyring, ...read } = await this.#reader.read(owner, records);
    if (orgKeyring === undefined) return { ...read, orgKeyring: undefined };
    const reread = async () => (await this.#reader.read(owner, [])).orgKeyring;
    try {
      return { ...read, orgKeyring: await this.#verifier.verify(orgKeyring, owner.org, reread) };
    } catch (error) {
      // Only a caller that opens a slot may learn of it, so the services report it.
      const isOld = error instanceof VaultError && error.code === 'org_shredded';
      if (isOld || error instanceof DecryptionError) return { ...read, orgKeyring: 'damaged' };
      throw error;
    }
  }
}
