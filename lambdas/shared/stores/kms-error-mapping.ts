import { VaultError } from '../../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { mapTransientErrors } from './aws-error-mapping.ts';

/** Not what was wrapped for this context: tampered with, moved, or another key's. */
const invalidCiphertextErrorNames = new Set(['InvalidCiphertextException', 'IncorrectKeyException']);
/** The key exists no more or is locked away: waiting helps only when someone acts. */
const keyUnavailableErrorNames = new Set([
  'DisabledException',
  'KMSInvalidStateException',
  'NotFoundException',
  'KeyUnavailableException',
  'AccessDeniedException',
]);

/** The same memory, so that zeroing it leaves no copy. */
export const toSharedBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Runs a call of KMS. @throws DecryptionError; VaultError `key_unavailable`, `unavailable` */
export async function mapKmsErrors<T>(detail: string, call: () => Promise<T>): Promise<T> {
  try {
    return await mapTransientErrors(detail, call);
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (invalidCiphertextErrorNames.has(name)) throw new DecryptionError();
    if (keyUnavailableErrorNames.has(name)) throw new VaultError('key_unavailable', { detail });
    throw error;
  }
}
