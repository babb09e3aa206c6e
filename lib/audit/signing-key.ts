import { Duration } from 'aws-cdk-lib';
import { PolicyDocument } from 'aws-cdk-lib/aws-iam';
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { administrationStatement, grantToFunctionRole } from '../shared/kms-key-policy.ts';
import { statefulRemoval } from '../shared/stateful-removal.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * The key that signs receipts and audit seals (P-256). The private key never leaves KMS, so write access to the tables
 * does not allow forging or changing a signed document. If the key is lost, no data is lost: existing signatures remain
 * verifiable with a saved copy of the public key.
 */
export class SigningKey extends Construct {
  readonly arn: string;
  private readonly key: Key;

  constructor(scope: Construct, id: string, alias: string) {
    super(scope, id);
    this.key = new Key(this, 'Key', {
      description: 'Signs receipts of shredding and seals of the audit; its public half is published',
      alias,
      keySpec: KeySpec.ECC_NIST_P256,
      keyUsage: KeyUsage.SIGN_VERIFY,
      pendingWindow: Duration.days(30),
      removalPolicy: statefulRemoval,
      policy: new PolicyDocument({ statements: [administrationStatement()] }),
    });
    this.arn = this.key.keyArn;
  }

  /**
   * Allows a function to sign and sets its key ID. The function also reads the public key, which signatures identify.
   */
  grantSign(fn: VaultFunction): void {
    this.grant(fn, ['kms:GetPublicKey', 'kms:Sign']);
  }

  /** Allows a function to read the public key, to publish it or to verify signatures, and sets its key ID. */
  grantPublish(fn: VaultFunction): void {
    this.grant(fn, ['kms:GetPublicKey']);
  }

  private grant(fn: VaultFunction, actions: string[]): void {
    grantToFunctionRole(fn, this.key, actions);
    fn.set(functionEnv.signingKeyId, this.arn);
  }
}
