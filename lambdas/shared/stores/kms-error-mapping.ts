import { VaultError } from '../../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { isThrottling, isTransient } from './aws-error-mapping.ts';

/** The ciphertext was not wrapped for this context: it was modified, moved, or wrapped with another key. */
const invalidCiphertextErrorNames = new Set(['InvalidCiphertextException', 'IncorrectKeyException']);
/** The key is deleted, disabled or not accessible. Retrying helps only after an operator acts. */
const keyUnavailableErrorNames = new Set([
  'DisabledException',
  'KMSInvalidStateException',
  'NotFoundException',
  'KeyUnavailableException',
  'AccessDeniedException',
]);

/** A Buffer over the same memory, so that zeroing it leaves no copy. */
export const toSharedBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Runs a KMS call and maps its errors. @throws DecryptionError; VaultError `key_unavailable`, `unavailable` */
export async function mapKmsErrors<T>(detail: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (isTransient(error))
      throw new VaultError('unavailable', { detail }, isThrottling(error) ? 'kms_throttled' : 'kms_unavailable');
    const name = error instanceof Error ? error.name : '';
    if (invalidCiphertextErrorNames.has(name)) throw new DecryptionError();
    if (keyUnavailableErrorNames.has(name)) throw new VaultError('key_unavailable', { detail }, 'kms_denied');
    throw error;
  }
}
