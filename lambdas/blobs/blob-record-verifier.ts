/** Computes and verifies the MACs of blob records. No record of the table is used for a decision before this. */
import { computeBlobRecordMac, verifyBlobRecordMac } from '../../core/blobs/blob-record-mac.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import type { AuthenticationKeys } from '../records/authentication-keys.ts';
import { awaitDecryption } from '../shared/error-classification.ts';
import type { AuthenticatedBlob, StoredBlob } from './blob-ports.ts';

export class BlobRecordVerifier {
  readonly #keys: AuthenticationKeys;

  constructor(keys: AuthenticationKeys) {
    this.#keys = keys;
  }

  /** Adds the MAC to a record. @throws VaultError `unavailable`, `key_unavailable` */
  async authenticate(blob: StoredBlob): Promise<AuthenticatedBlob> {
    return { ...blob, mac: computeBlobRecordMac(await this.#keys.get(blob.org), blob) };
  }

  /**
   * Verifies a record that was read.
   * @throws DecryptionError if the vault did not write it; VaultError `unavailable`, `key_unavailable`
   */
  async verify(blob: StoredBlob): Promise<AuthenticatedBlob> {
    const { mac } = blob;
    verifyBlobRecordMac(await this.#keys.get(blob.org), blob, mac);
    // The state is not in the MAC, because any state but `uploading` and `ready` only denies. The fields of a
    // completion prove which of these two the vault recorded.
    const isCompleted = blob.completedAt !== undefined;
    const isPossible = blob.state === 'deleted' || isCompleted === (blob.state !== 'uploading');
    if (mac === undefined || !isPossible) throw new DecryptionError();
    return { ...blob, mac };
  }

  /** The verified record; undefined if the vault did not write it. @throws VaultError as `verify` */
  async verifyOrUndefined(blob: StoredBlob | undefined): Promise<StoredBlob | undefined> {
    return blob === undefined ? undefined : await awaitDecryption(this.verify(blob));
  }
}
