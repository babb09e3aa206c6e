import { DecryptCommand, GenerateDataKeyCommand, type KMSClient, ReEncryptCommand } from '@aws-sdk/client-kms';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import { mapKmsErrors } from '../../shared/stores/kms-error-mapping.ts';
import type { Kek } from '../keyring-ports.ts';

/** The encryption context of a DEK (docs/format.md, section 2); the key's policy refuses a call without it. */
const encryptionContext = (org: string, version: number) => ({ org, dek: String(version) });

/** The KEK in KMS. */
export class KmsKek implements Kek {
  readonly #clientOf: (org: string) => KMSClient;
  readonly #keyId: string;
  readonly #keyIds: readonly string[];

  /** @param keyIds ARN of the KEK; after commas those of KEKs before it, which only unwrap */
  constructor(clientOf: (org: string) => KMSClient, keyIds: string) {
    this.#clientOf = clientOf;
    this.#keyIds = keyIds.split(',');
    this.#keyId = this.#keyIds[0] ?? keyIds;
  }

  async generate(org: string, version: number): Promise<{ secret: Uint8Array; wrapped: Uint8Array }> {
    const command = new GenerateDataKeyCommand({
      KeyId: this.#keyId,
      KeySpec: 'AES_256',
      EncryptionContext: encryptionContext(org, version),
    });
    const { Plaintext, CiphertextBlob } = await mapKmsErrors('Nothing was stored.', () =>
      this.#clientOf(org).send(command),
    );
    if (Plaintext === undefined || CiphertextBlob === undefined) throw new VaultError('key_unavailable');
    return { secret: Plaintext, wrapped: CiphertextBlob };
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

  /** The one key that may have wrapped a DEK; where several may, KMS finds it and its answer is checked. */
  #sourceKey<Name extends string>(name: Name): Partial<Record<Name, string>> {
    return this.#keyIds.length === 1 ? ({ [name]: this.#keyId } as Record<Name, string>) : {};
  }
}
