import { type KMSClient, ReEncryptCommand } from '@aws-sdk/client-kms';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { mapKmsErrors } from '../../shared/stores/kms-error-mapping.ts';
import type { KekRewrapper } from '../keyring-ports.ts';
import { dekEncryptionContext } from './kms-kek.ts';

/** Re-wraps DEKs in KMS. With the AWS SDK, because it is used only when the KEK changes. */
export class KmsKekRewrapper implements KekRewrapper {
  readonly #clientOf: (org: string) => KMSClient;
  readonly #keyId: string;
  readonly #keyIds: readonly string[];

  /** @param keyIds ARN of the current KEK, followed by comma-separated ARNs of earlier KEKs */
  constructor(clientOf: (org: string) => KMSClient, keyIds: string) {
    this.#clientOf = clientOf;
    this.#keyIds = keyIds.split(',');
    this.#keyId = this.#keyIds[0] ?? keyIds;
  }

  async rewrap(org: string, version: number, wrapped: Uint8Array): Promise<Uint8Array> {
    const context = dekEncryptionContext(org, version);
    const command = new ReEncryptCommand({
      // With several keys, KMS finds the key from the ciphertext. Which one it was is checked below.
      ...(this.#keyIds.length === 1 ? { SourceKeyId: this.#keyId } : {}),
      CiphertextBlob: wrapped,
      SourceEncryptionContext: context,
      DestinationKeyId: this.#keyId,
      DestinationEncryptionContext: context,
    });
    const { CiphertextBlob, SourceKeyId } = await mapKmsErrors('Nothing was changed.', () =>
      this.#clientOf(org).send(command),
    );
    if (CiphertextBlob === undefined) throw new VaultError('key_unavailable');
    if (SourceKeyId === undefined || !this.#keyIds.includes(SourceKeyId)) throw new DecryptionError();
    return CiphertextBlob;
  }
}
