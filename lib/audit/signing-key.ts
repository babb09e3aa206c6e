import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { KmsSigningKey } from '../shared/kms-signing-key.ts';

/**
 * The key that signs receipts and audit seals. The private key never leaves KMS, so write access to the tables does not
 * allow forging or changing a signed document. If the key is lost, no data is lost: existing signatures remain verifiable
 * with a saved copy of the public key.
 */
export class SigningKey extends KmsSigningKey {
  constructor(scope: Construct, id: string, alias: string) {
    super(scope, id, {
      alias,
      description: 'Signs receipts of shredding and seals of the audit; its public half is published',
      setting: functionEnv.signingKeyId,
    });
  }
}
