import { VaultError } from '../../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import type { KmsClient } from '../../aws/kms-client.ts';
import { nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import { mapKmsErrors } from '../../shared/stores/kms-error-mapping.ts';
import type { Kek } from '../keyring-ports.ts';

/** The encryption context of a DEK (docs/format.md, section 2). The key policy denies calls without it. */
export const dekEncryptionContext = (org: string, version: number) => ({ org, dek: String(version) });

/** The KEK as a KMS key. */
export class KmsKek implements Kek {
  readonly #clientOf: (org: string) => KmsClient;
  readonly #keyId: string;
  readonly #keyIds: readonly string[];

  /** @param keyIds ARN of the current KEK, followed by comma-separated ARNs of earlier KEKs, which only unwrap */
  constructor(clientOf: (org: string) => KmsClient, keyIds: string) {
    this.#clientOf = clientOf;
    this.#keyIds = keyIds.split(',');
    this.#keyId = this.#keyIds[0] ?? keyIds;
  }

  async generate(org: string, version: number): Promise<Uint8Array> {
    const { CiphertextBlob } = await mapKmsErrors('Nothing was stored.', () =>
      this.#clientOf(org).generateDataKeyWithoutPlaintext({
        KeyId: this.#keyId,
        KeySpec: 'AES_256',
        EncryptionContext: dekEncryptionContext(org, version),
      }),
    );
    if (CiphertextBlob === undefined) throw new VaultError('key_unavailable');
    return CiphertextBlob;
  }

  async unwrap(org: string, version: number, wrapped: Uint8Array): Promise<Uint8Array> {
    const input = {
      // With several keys, KMS finds the key from the ciphertext. Which one it was is checked below.
      ...(this.#keyIds.length === 1 ? { KeyId: this.#keyId } : {}),
      CiphertextBlob: wrapped,
      EncryptionContext: dekEncryptionContext(org, version),
    };
    const { Plaintext, KeyId } = await mapKmsErrors(nothingReadDetail, () => this.#clientOf(org).decrypt(input));
    if (Plaintext === undefined) throw new DecryptionError();
    if (KeyId !== undefined && this.#keyIds.includes(KeyId)) return Plaintext;
    Plaintext.fill(0);
    throw new DecryptionError();
  }
}
