import type { KmsClient } from '../../aws/kms-client.ts';
import { generateMac } from '../../shared/stores/kms-generate-mac.ts';
import type { CodeMacs, CustodyMacs, RoutingMacs } from '../user-ports.ts';

/** The MACs of users (core/users/slot-mac-inputs.ts). */

/** Custody key: MACs for slots of identities. */
export const kmsCustodyMacs = (client: KmsClient, keyId: string): CustodyMacs => ({
  deriveIdentitySecret: (message) => generateMac(client, keyId, message),
});

/** Code key: MACs for slots of passwords and link codes. */
export const kmsCodeMacs = (client: KmsClient, keyId: string): CodeMacs => ({
  deriveCodeSecret: (message) => generateMac(client, keyId, message),
});

/** Routing key: MACs for locators. */
export const kmsRoutingMacs = (client: KmsClient, keyId: string): RoutingMacs => ({
  deriveLocator: async (message) => (await generateMac(client, keyId, message)).toString('base64url'),
});
