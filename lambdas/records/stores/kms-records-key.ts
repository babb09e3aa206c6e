import { authenticationKeyMessage } from '../../../core/records/authentication-key.ts';
import type { KmsClient } from '../../aws/kms-client.ts';
import { generateMac } from '../../shared/stores/kms-generate-mac.ts';
import type { RecordsKey } from '../record-ports.ts';

/** The records key as a KMS key (docs/format.md, section 2). */
export const kmsRecordsKey = (client: KmsClient, keyId: string): RecordsKey => ({
  deriveAuthenticationKey: (org) => generateMac(client, keyId, authenticationKeyMessage(org)),
});
