import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyDocument } from 'aws-cdk-lib/aws-iam';
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { functionEnv } from '../../contract/shared/environment-variables.ts';
import { administrationStatement, grantToFunctionRole } from './kms-key-policy.ts';
import type { VaultFunction } from './vault-function.ts';

interface HmacKeyProps {
  readonly alias: string;
  readonly description: string;
  /** By which functions are told the key. */
  readonly setting: (typeof functionEnv)['custodyKeyId' | 'codeKeyId' | 'routingKeyId'];
}

/**
 * A key in KMS of which HMAC-SHA-256 is made, and which never leaves it (docs/format.md, section 12). HMAC keys have no encryption
 * context: the org is in what is hashed, and no policy can tell whose it is. They don't rotate, or nothing would be found again.
 */
export class HmacKey extends Construct {
  readonly arn: string;
  private readonly key: Key;
  private readonly setting: HmacKeyProps['setting'];

  constructor(scope: Construct, id: string, { alias, description, setting }: HmacKeyProps) {
    super(scope, id);
    this.setting = setting;
    this.key = new Key(this, 'Key', {
      description,
      alias,
      keySpec: KeySpec.HMAC_256,
      keyUsage: KeyUsage.GENERATE_VERIFY_MAC,
      pendingWindow: Duration.days(30),
      removalPolicy: RemovalPolicy.RETAIN,
      policy: new PolicyDocument({ statements: [administrationStatement()] }),
    });
    this.arn = this.key.keyArn;
  }

  /** Lets a function compute HMACs, and tells it the key. */
  grantMac(fn: VaultFunction): void {
    grantToFunctionRole(fn, this.key, ['kms:GenerateMac']);
    fn.set(this.setting, this.arn);
  }
}
