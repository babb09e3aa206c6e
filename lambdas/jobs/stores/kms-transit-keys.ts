import type { DecryptRequest, GenerateDataKeyRequest } from '@aws-sdk/client-kms';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import type { JobHeader } from '../../../core/jobs/job-envelope.ts';
import type { KmsClient } from '../../aws/kms-client.ts';
import { nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import { mapKmsErrors, toSharedBuffer } from '../../shared/stores/kms-error-mapping.ts';
import type { TransitKeys } from '../job-ports.ts';

/**
 * Encryption context of a job key (docs/format.md, section 13). Policies deny calls without it, and calls for kinds of
 * jobs that the function must not handle.
 */
const encryptionContextOf = ({ org, id, kind }: JobHeader) => ({ org, job: id, kind });

/** Job keys that are wrapped by the transit key in KMS. */
export class KmsTransitKeys implements TransitKeys {
  readonly #clientOf: (org: string) => KmsClient;
  readonly #keyId: string;

  constructor(clientOf: (org: string) => KmsClient, keyId: string) {
    this.#clientOf = clientOf;
    this.#keyId = keyId;
  }

  async generateKey(name: JobHeader): Promise<{ secret: Buffer; wrapped: Uint8Array }> {
    const input: GenerateDataKeyRequest = {
      KeyId: this.#keyId,
      KeySpec: 'AES_256',
      EncryptionContext: encryptionContextOf(name),
    };
    const detail = 'No job was sent.';
    const { Plaintext, CiphertextBlob } = await mapKmsErrors(detail, () =>
      this.#clientOf(name.org).generateDataKey(input),
    );
    if (Plaintext?.length !== 32 || CiphertextBlob === undefined) throw new VaultError('key_unavailable', { detail });
    return { secret: toSharedBuffer(Plaintext), wrapped: CiphertextBlob };
  }

  async unwrapKey(name: JobHeader, wrapped: Uint8Array): Promise<Buffer> {
    const input: DecryptRequest = {
      KeyId: this.#keyId,
      CiphertextBlob: wrapped,
      EncryptionContext: encryptionContextOf(name),
    };
    const { Plaintext } = await mapKmsErrors(nothingReadDetail, () => this.#clientOf(name.org).decrypt(input));
    if (Plaintext?.length !== 32) throw new DecryptionError();
    return toSharedBuffer(Plaintext);
  }
}
