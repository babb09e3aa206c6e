import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AccountRootPrincipal, AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { functionEnv } from '../contract/environment.ts';
import { orgTag } from './session-role.ts';
import type { VaultFunction } from './vault-function.ts';

/** Every use of the KEK names the org and the version of the DEK; KMS binds both into the wrapped DEK. */
const contextKeys = ['dek', 'org'];

/**
 * Spelled out, since `kms:Create*` would hold CreateGrant, by which an administrator could hand out the actions on
 * data that this list leaves away.
 */
const administration = [
  'kms:CancelKeyDeletion',
  'kms:CreateAlias',
  'kms:DeleteAlias',
  'kms:DescribeKey',
  'kms:DisableKey',
  'kms:EnableKey',
  'kms:EnableKeyRotation',
  'kms:GetKeyPolicy',
  'kms:GetKeyRotationStatus',
  'kms:ListGrants',
  'kms:ListKeyPolicies',
  'kms:ListKeyRotations',
  'kms:ListResourceTags',
  'kms:PutKeyPolicy',
  'kms:RevokeGrant',
  'kms:RotateKeyOnDemand',
  'kms:ScheduleKeyDeletion',
  'kms:TagResource',
  'kms:UntagResource',
  'kms:UpdateAlias',
  'kms:UpdateKeyDescription',
];

/**
 * The key-encryption key of the deployment. It wraps DEKs and never data.
 *
 * Two locks: a role needs its own policy *and* a statement of the key policy that names it, both made by one grant.
 * The account's administrators manage the key but can't use it, unless they change its policy, which CloudTrail shows.
 */
export class Kek extends Construct {
  readonly arn: string;
  private readonly key: Key;
  private readonly previous: readonly string[];

  /** @param previous ARNs of KEKs before this one, whose wrapped DEKs may still be unwrapped */
  constructor(scope: Construct, id: string, alias: string, previous: readonly string[] = []) {
    super(scope, id);
    this.previous = previous;
    this.key = new Key(this, 'Key', {
      description: 'Wraps the data-encryption keys of organizations; losing it loses all their data',
      alias,
      enableKeyRotation: true,
      pendingWindow: Duration.days(30),
      removalPolicy: RemovalPolicy.RETAIN,
      policy: new PolicyDocument({ statements: [administer(), ...contextKeys.map(denyWithoutContext)] }),
    });
    this.arn = this.key.keyArn;
  }

  /** Lets a function make new DEKs, and tells it the key. */
  grantGenerate(fn: VaultFunction): void {
    this.grant(fn, 'kms:GenerateDataKey');
  }

  /** Lets a function unwrap DEKs, and tells it the key. */
  grantDecrypt(fn: VaultFunction): void {
    this.grant(fn, 'kms:Decrypt', this.previous);
  }

  /** Lets a function wrap DEKs anew without seeing them, and tells it the key. */
  grantRewrap(fn: VaultFunction): void {
    this.grant(fn, 'kms:ReEncryptFrom', this.previous);
    this.grant(fn, 'kms:ReEncryptTo');
  }

  private grant(fn: VaultFunction, action: string, also: readonly string[] = []): void {
    const resources = [this.arn, ...also];
    const use = new PolicyStatement({ actions: [action], resources, conditions: exactContext });
    fn.allowForOrg(use, contextIsOrg);
    // The account with a condition on the role, not the role itself: KMS stores a role as an id that goes stale when
    // the role is made anew, and refuses a policy whose role has not yet spread through IAM.
    this.key.addToResourcePolicy(
      new PolicyStatement({
        actions: [action],
        principals: [new AccountRootPrincipal()],
        resources: ['*'],
        conditions: {
          ...exactContext,
          ...(fn.tagged ? contextIsOrg : {}),
          ArnEquals: { 'aws:PrincipalArn': fn.dataRole.roleArn },
        },
      }),
    );
    fn.set(functionEnv.kekId, [this.arn, ...this.previous].join(','));
  }
}

/** No key beside the two. ForAllValues also holds when there is none, which the Null condition then refuses. */
const exactContext = {
  'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': contextKeys },
  Null: { 'kms:EncryptionContextKeys': 'false' },
};

/** The org of the context is that of the session. */
const contextIsOrg = { StringEquals: { 'kms:EncryptionContext:org': orgTag } };

/** What an administrator of the account may do with a key of ours: manage it, and neither use it nor hand out its use. */
export const administer = (): PolicyStatement =>
  new PolicyStatement({
    sid: 'AdministerWithoutUse',
    actions: administration,
    principals: [new AccountRootPrincipal()],
    resources: ['*'],
  });

/** One statement for each context key, for conditions within one statement must all hold. */
const denyWithoutContext = (contextKey: string): PolicyStatement =>
  new PolicyStatement({
    sid: `DenyWithout${contextKey === 'org' ? 'Org' : 'Dek'}`,
    effect: Effect.DENY,
    actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
    principals: [new AnyPrincipal()],
    resources: ['*'],
    conditions: { Null: { [`kms:EncryptionContext:${contextKey}`]: 'true' } },
  });
