import {
  DecryptCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  type KMSClient,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import { mapKmsErrors } from '../../shared/stores/kms-error-mapping.ts';
import type { Kek } from '../keyring-ports.ts';

/** The encryption context of a DEK (docs/format.md, section 2). The key policy denies calls without it. */
const encryptionContext = (org: string, version: number) => ({ org, dek: String(version) });

/** The KEK as a KMS key. */
export class KmsKek implements Kek {
  readonly #clientOf: (org: string) => KMSClient;
  readonly #keyId: string;
  readonly #keyIds: readonly string[];

  /** @param keyIds ARN of the current KEK, followed by comma-separated ARNs of earlier KEKs, which only unwrap */
  constructor(clientOf: (org: string) => KMSClient, keyIds: string) {
    this.#clientOf = clientOf;
    this.#keyIds = keyIds.split(',');
    this.#keyId = this.#keyIds[0] ?? keyIds;
  }

  async generate(org: string, version: number): Promise<Uint8Array> {
    const command = new GenerateDataKeyWithoutPlaintextCommand({
      KeyId: this.#keyId,
      KeySpec: 'AES_256',
      EncryptionContext: encryptionContext(org, version),
    });
    const { CiphertextBlob } = await mapKmsErrors('Nothing was stored.', () => this.#clientOf(org).send(command));
    if (CiphertextBlob === undefined) throw new VaultError('key_unavailable');
    return CiphertextBlob;
  }

  async unwrap(org: string, version: number, wrapped: Uint8Array): Promise<Uint8Array> {
    const command = new DecryptCommand({
      ...this.#sourceKey('KeyId'),
      CiphertextBlob: wrapped,
      EncryptionContext: encryptionContext(org, version),
    });
    const { Plaintext, KeyId } = await mapKmsErrors(nothingReadDetail, () => this.#clientOf(org).send(command));
    if (Plaintext === undefined) throw new DecryptionError();
    if (KeyId !== undefined && this.#keyIds.includes(KeyId)) return Plaintext;
    Plaintext.fill(0);
    throw new DecryptionError();
  }

  async rewrap(org: string, version: number, wrapped: Uint8Array): Promise<Uint8Array> {
    const context = encryptionContext(org, version);
    const command = new ReEncryptCommand({
      ...this.#sourceKey('SourceKeyId'),
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

  /**
   * The key that wrapped a DEK, if only one is configured. With several keys, KMS finds the key from the ciphertext and
   * the caller checks which one KMS returned.
   */
  #sourceKey<Name extends string>(name: Name): Partial<Record<Name, string>> {
    return this.#keyIds.length === 1 ? ({ [name]: this.#keyId } as Record<Name, string>) : {};
  }
}
