import { GenerateMacCommand, type KMSClient } from '@aws-sdk/client-kms';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import { nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import { mapKmsErrors, toSharedBuffer } from '../../shared/stores/kms-error-mapping.ts';
import type { CodeMacs, CustodyMacs, RoutingMacs } from '../user-ports.ts';

/**
 * HMAC-SHA-256 by a key in KMS (HMAC_256). By the function's own role: such keys take no encryption context by which a session could be
 * limited to an org, so the org is a part of each message instead (core/users/slot-mac-inputs.ts).
 */
async function generateMac(client: KMSClient, keyId: string, message: Uint8Array): Promise<Buffer> {
  const command = new GenerateMacCommand({ KeyId: keyId, Message: message, MacAlgorithm: 'HMAC_SHA_256' });
  const { Mac } = await mapKmsErrors(nothingReadDetail, () => client.send(command));
  if (Mac?.length !== 32) throw new VaultError('key_unavailable', { detail: nothingReadDetail });
  return toSharedBuffer(Mac);
}

/** The custody key: what opens slots of identities. */
export const kmsCustodyMacs = (client: KMSClient, keyId: string): CustodyMacs => ({
  deriveIdentitySecret: (message) => generateMac(client, keyId, message),
});

/** The code key: what opens slots of passwords and of codes for linking. */
export const kmsCodeMacs = (client: KMSClient, keyId: string): CodeMacs => ({
  deriveCodeSecret: (message) => generateMac(client, keyId, message),
});

/** The routing key: what finds them all. */
export const kmsRoutingMacs = (client: KMSClient, keyId: string): RoutingMacs => ({
  deriveLocator: async (message) => (await generateMac(client, keyId, message)).toString('base64url'),
});
