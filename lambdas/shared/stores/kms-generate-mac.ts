import type { GenerateMacRequest } from '@aws-sdk/client-kms';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import type { KmsClient } from '../../aws/kms-client.ts';
import { nothingReadDetail } from './aws-error-mapping.ts';
import { mapKmsErrors, toSharedBuffer } from './kms-error-mapping.ts';

/**
 * HMAC-SHA-256 with a KMS key (HMAC_256), called with the function's own role. MAC keys accept no encryption context,
 * so a session cannot be limited to one organization. Each message contains the organization instead. The caller zeroes
 * the result if it is secret.
 */
export async function generateMac(client: KmsClient, keyId: string, message: Uint8Array): Promise<Buffer> {
  const input: GenerateMacRequest = { KeyId: keyId, Message: message, MacAlgorithm: 'HMAC_SHA_256' };
  const { Mac } = await mapKmsErrors(nothingReadDetail, () => client.generateMac(input));
  if (Mac?.length !== 32) throw new VaultError('key_unavailable', { detail: nothingReadDetail });
  return toSharedBuffer(Mac);
}
