import { VaultError } from '../../../contract/shared/vault-error.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { orUnavailable } from './aws-error-mapping.ts';

/** Not what was wrapped for this context: tampered with, moved, or another key's. */
const damaged = new Set(['InvalidCiphertextException', 'IncorrectKeyException']);
/** The key exists no more or is locked away: waiting helps only when someone acts. */
const locked = new Set([
  'DisabledException',
  'KMSInvalidStateException',
  'NotFoundException',
  'KeyUnavailableException',
  'AccessDeniedException',
]);

/** The same memory, so that zeroing it leaves no copy. */
export const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Runs a call of KMS. @throws DecryptionError; VaultError `key_unavailable`, `unavailable` */
export async function orKeyUnavailable<T>(detail: string, call: () => Promise<T>): Promise<T> {
  try {
    return await orUnavailable(detail, call);
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (damaged.has(name)) throw new DecryptionError();
    if (locked.has(name)) throw new VaultError('key_unavailable', { detail });
    throw error;
  }
}
