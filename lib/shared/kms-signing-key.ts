import { Duration } from 'aws-cdk-lib';
import { PolicyDocument } from 'aws-cdk-lib/aws-iam';
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { functionEnv } from '../../contract/shared/environment-variables.ts';
import { administrationStatement, grantToFunctionRole } from './kms-key-policy.ts';
import { statefulRemoval } from './stateful-removal.ts';
import type { VaultFunction } from './vault-function.ts';

interface KmsSigningKeyProps {
  readonly alias: string;
  readonly description: string;
  /** Environment variable by which functions learn the key's ID. */
  readonly setting: (typeof functionEnv)['signingKeyId' | 'pushKeyId'];
}

/** A key that signs with ES256 (P-256). The private key never leaves KMS. */
export class KmsSigningKey extends Construct {
  readonly arn: string;
  private readonly key: Key;
  private readonly setting: KmsSigningKeyProps['setting'];

  constructor(scope: Construct, id: string, { alias, description, setting }: KmsSigningKeyProps) {
    super(scope, id);
    this.key = new Key(this, 'Key', {
      description,
      alias,
      keySpec: KeySpec.ECC_NIST_P256,
      keyUsage: KeyUsage.SIGN_VERIFY,
      pendingWindow: Duration.days(30),
      removalPolicy: statefulRemoval,
      policy: new PolicyDocument({ statements: [administrationStatement()] }),
    });
    this.arn = this.key.keyArn;
    this.setting = setting;
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
    fn.set(this.setting, this.arn);
  }
}
