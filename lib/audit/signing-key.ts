import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyDocument } from 'aws-cdk-lib/aws-iam';
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { administrationStatement, grantToFunctionRole } from '../shared/kms-key-policy.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * The key that signs receipts and audit seals (P-256). Its private half never leaves KMS, so what it has signed can't be
 * made or altered by whoever can write the tables. Losing it loses no data: what it signed stays verifiable by the public
 * key, for whoever kept that.
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
      removalPolicy: RemovalPolicy.RETAIN,
      policy: new PolicyDocument({ statements: [administrationStatement()] }),
    });
    this.arn = this.key.keyArn;
  }

  /** Lets a function sign, and tells it the key. It reads the public half too, since signatures name that. */
  grantSign(fn: VaultFunction): void {
    this.grant(fn, ['kms:GetPublicKey', 'kms:Sign']);
  }

  /** Lets a function publish the public half, and tells it the key. */
  grantPublish(fn: VaultFunction): void {
    this.grant(fn, ['kms:GetPublicKey']);
  }

  private grant(fn: VaultFunction, actions: string[]): void {
    grantToFunctionRole(fn, this.key, actions);
    fn.set(functionEnv.signingKeyId, this.arn);
  }
}
