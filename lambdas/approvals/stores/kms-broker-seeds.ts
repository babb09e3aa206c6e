import { brokerKeyMessage } from '../../../core/approvals/approval-keys.ts';
import type { KmsClient } from '../../aws/kms-client.ts';
import { generateMac } from '../../shared/stores/kms-generate-mac.ts';
import type { DeriveBrokerSeed } from '../approval-ports.ts';

/** The seeds of the keys of brokers, from a KMS key for MACs (docs/format-approvals.md, section 1). */
export const kmsBrokerSeeds =
  (client: KmsClient, keyId: string): DeriveBrokerSeed =>
  (org, person) =>
    generateMac(client, keyId, brokerKeyMessage(org, person));
