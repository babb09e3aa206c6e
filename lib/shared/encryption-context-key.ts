import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AccountRootPrincipal, AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { administrationStatement } from './kms-key-policy.ts';
import { sessionOrgTag } from './session-role.ts';
import type { VaultFunction } from './vault-function.ts';

interface EncryptionContextKeyProps {
  readonly alias: string;
  readonly description: string;
  /** What every use names beside the org; KMS binds all of it into what it wraps. */
  readonly contextKeys: readonly ('dek' | 'job' | 'kind')[];
}

interface KeyGrantOptions {
  /** ARNs of other keys for which the function's policy is to say the same; their own policies must too. */
  readonly otherKeyArns?: readonly string[];
  /** Values that a context key may have; of those that are not here, any. */
  readonly allowedContextValues?: Readonly<Record<string, readonly string[]>>;
}

/**
 * A KMS key that wraps keys and never data. Every use names the org and what it is for as encryption context, and nothing else.
 *
 * Two locks: a role needs its own policy *and* a statement of the key policy that names it, both made by one grant.
 * The account's administrators manage the key but can't use it, unless they change its policy, which CloudTrail shows.
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
      removalPolicy: RemovalPolicy.RETAIN,
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
    // The account with a condition on the role, not the role itself: KMS stores a role as an id that goes stale when
    // the role is made anew, and refuses a policy whose role has not yet spread through IAM.
    this.key.addToResourcePolicy(
      new PolicyStatement({
        actions: [action],
        principals: [new AccountRootPrincipal()],
        resources: ['*'],
        conditions: {
          ...exact,
          ...limited,
          ...(fn.tagged ? { StringEquals: { ...values, ...contextIsOrg } } : {}),
          ArnEquals: { 'aws:PrincipalArn': fn.dataRole.roleArn },
        },
      }),
    );
  }
}

/** No key beside these. ForAllValues also holds when there is none, which the Null condition then refuses. */
const onlyContextKeys = (contextKeys: readonly string[]) => ({
  'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': [...contextKeys] },
  Null: { 'kms:EncryptionContextKeys': 'false' },
});

const contextKeyOf = (key: string): string => `kms:EncryptionContext:${key}`;

/** The org of the context is that of the session. */
const contextIsOrg = { [contextKeyOf('org')]: sessionOrgTag };

/** One statement for each context key, for conditions within one statement must all hold. */
const denyWithoutContext = (contextKey: string): PolicyStatement =>
  new PolicyStatement({
    sid: `DenyWithout${contextKey.charAt(0).toUpperCase()}${contextKey.slice(1)}`,
    effect: Effect.DENY,
    actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*'],
    principals: [new AnyPrincipal()],
    resources: ['*'],
    conditions: { Null: { [contextKeyOf(contextKey)]: 'true' } },
  });
