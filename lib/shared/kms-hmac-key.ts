import { Duration } from 'aws-cdk-lib';
import { PolicyDocument } from 'aws-cdk-lib/aws-iam';
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { functionEnv } from '../../contract/shared/environment-variables.ts';
import { administrationStatement, grantToFunctionRole } from './kms-key-policy.ts';
import { statefulRemoval } from './stateful-removal.ts';
import type { VaultFunction } from './vault-function.ts';

interface HmacKeyProps {
  readonly alias: string;
  readonly description: string;
  /** The setting with which functions receive the key ID. */
  readonly setting: (typeof functionEnv)[
    | 'custodyKeyId'
    | 'codeKeyId'
    | 'recordsKeyId'
    | 'routingKeyId'
    | 'brokerKeyId'
    | 'secretRequestKeyId'];
}

/**
 * A KMS key for HMAC-SHA-256 that never leaves KMS (docs/format.md, sections 5 and 12). HMAC operations have no
 * encryption context: the org is part of the message, so no policy can limit the key to an org. The key is not rotated,
 * because stored HMACs would not match any more.
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
      removalPolicy: statefulRemoval,
      policy: new PolicyDocument({ statements: [administrationStatement()] }),
    });
    this.arn = this.key.keyArn;
  }

  /** Allows a function to compute HMACs and sets its key ID. */
  grantMac(fn: VaultFunction): void {
    grantToFunctionRole(fn, this.key, ['kms:GenerateMac']);
    fn.set(this.setting, this.arn);
  }
}
