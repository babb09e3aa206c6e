import { GenerateMacCommand, type KMSClient } from '@aws-sdk/client-kms';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import { mapKmsErrors, toSharedBuffer } from '../../shared/stores/kms-error-mapping.ts';
import type { CodeMacs, CustodyMacs, RoutingMacs } from '../user-ports.ts';

/**
 * HMAC-SHA-256 with a KMS key (HMAC_256), called with the function's own role. MAC keys accept no encryption context,
 * so a session cannot be limited to one organization. Each message contains the organization instead
 * (core/users/slot-mac-inputs.ts).
 */
async function generateMac(client: KMSClient, keyId: string, message: Uint8Array): Promise<Buffer> {
  const command = new GenerateMacCommand({ KeyId: keyId, Message: message, MacAlgorithm: 'HMAC_SHA_256' });
  const { Mac } = await mapKmsErrors(nothingReadDetail, () => client.send(command));
  if (Mac?.length !== 32) throw new VaultError('key_unavailable', { detail: nothingReadDetail });
  return toSharedBuffer(Mac);
}

/** Custody key: MACs for slots of identities. */
export const kmsCustodyMacs = (client: KMSClient, keyId: string): CustodyMacs => ({
  deriveIdentitySecret: (message) => generateMac(client, keyId, message),
});

/** Code key: MACs for slots of passwords and link codes. */
export const kmsCodeMacs = (client: KMSClient, keyId: string): CodeMacs => ({
  deriveCodeSecret: (message) => generateMac(client, keyId, message),
});

/** Routing key: MACs for locators. */
export const kmsRoutingMacs = (client: KMSClient, keyId: string): RoutingMacs => ({
  deriveLocator: async (message) => (await generateMac(client, keyId, message)).toString('base64url'),
});
