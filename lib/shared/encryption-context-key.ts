import { Duration } from 'aws-cdk-lib';
import { AccountRootPrincipal, AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { administrationStatement } from './kms-key-policy.ts';
import { sessionOrgTag } from './session-role.ts';
import { statefulRemoval } from './stateful-removal.ts';
import type { VaultFunction } from './vault-function.ts';

interface EncryptionContextKeyProps {
  readonly alias: string;
  readonly description: string;
  /** Keys of the encryption context in addition to `org`. KMS binds the encryption context to the wrapped key. */
  readonly contextKeys: readonly ('dek' | 'job' | 'kind')[];
}

interface KeyGrantOptions {
  /** ARNs of other keys on which the function's policy allows the same action. Their key policies must allow it too. */
  readonly otherKeyArns?: readonly string[];
  /** Allowed values of context keys. Context keys that are not listed can have any value. */
  readonly allowedContextValues?: Readonly<Record<string, readonly string[]>>;
}

/**
 * A KMS key that wraps keys, never data. Every use requires exactly the encryption context of the org and the purpose.
 *
 * Access requires both a statement in the role's policy *and* a statement in the key policy that names the role; one
 * grant adds both. Account administrators manage the key but cannot use it unless they change its key policy, which
 * CloudTrail records.
 */
export abstract class EncryptionContextKey extends Construct {
  readonly arn: string;
  private readonly key: Key;
  private readonly contextKeys: readonly string[];

  constructor(scope: Construct, id: string, { alias, description, contextKeys }: EncryptionContextKeyProps) {
    super(scope, id);
    this.contextKeys = [...contextKeys, 'org'].toSorted();
    this.key = new Key(this, 'Key', {
      description,
      alias,
      enableKeyRotation: true,
      pendingWindow: Duration.days(30),
      removalPolicy: statefulRemoval,
      policy: new PolicyDocument({
        statements: [administrationStatement(), ...this.contextKeys.map(denyWithoutContext)],
      }),
    });
    this.arn = this.key.keyArn;
  }

  protected grant(
    fn: VaultFunction,
    action: string,
    { otherKeyArns = [], allowedContextValues = {} }: KeyGrantOptions = {},
  ): void {
    const exact = onlyContextKeys(this.contextKeys);
    const values = Object.fromEntries(
      Object.entries(allowedContextValues).map(([key, allowed]) => [contextKeyOf(key), [...allowed]]),
    );
    const limited = Object.keys(values).length === 0 ? {} : { StringEquals: values };
    const resources = [this.arn, ...otherKeyArns];
    fn.allowForOrg(new PolicyStatement({ actions: [action], resources, conditions: { ...exact, ...limited } }), {
      StringEquals: { ...values, ...contextIsOrg },
    });
    // The principal is the account with a condition on the role, not the role itself. KMS stores a role principal as an
    // ID that becomes invalid when the role is recreated, and it rejects a policy with a role that is not yet visible
    // in IAM.
    this.key.addToResourcePolicy(
      new PolicyStatement({
        actions: [action],
        principals: [new AccountRootPrincipal()],
        resources: ['*'],
        conditions: {
          ...exact,
          ...limited,
          ...(fn.tagged ? { StringEquals: { ...values, ...contextIsOrg } } : {}),
          ArnEquals: { 'aws:PrincipalArn': fn.dataRoleArn },
        },
      }),
    );
  }
}

/**
 * Allows only these context keys. ForAllValues is also true without any context key, so the Null condition rejects
 * that.
 */
const onlyContextKeys = (contextKeys: readonly string[]) => ({
  'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': [...contextKeys] },
  Null: { 'kms:EncryptionContextKeys': 'false' },
});

const contextKeyOf = (key: string): string => `kms:EncryptionContext:${key}`;

/** The org in the encryption context must be the org of the session. */
const contextIsOrg = { [contextKeyOf('org')]: sessionOrgTag };

/** One Deny statement per context key, because all conditions of one statement would have to hold together. */
const denyWithoutContext = (contextKey: string): PolicyStatement =>
  new PolicyStatement({
    sid: `DenyWithout${contextKey.charAt(0).toUpperCase()}${contextKey.slice(1)}`,
    effect: Effect.DENY,
    actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
    principals: [new AnyPrincipal()],
    resources: ['*'],
    conditions: { Null: { [contextKeyOf(contextKey)]: 'true' } },
  });
