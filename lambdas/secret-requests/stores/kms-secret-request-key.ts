import type { KmsClient } from '../../aws/kms-client.ts';
import { generateMac } from '../../shared/stores/kms-generate-mac.ts';
import type { SecretRequestMacs } from '../secret-request-ports.ts';

/** The request key as a KMS key (docs/secret-requests.md, section 5). */
export const kmsSecretRequestMacs = (client: KmsClient, keyId: string): SecretRequestMacs => ({
  deriveMac: (message) => generateMac(client, keyId, message),
});
