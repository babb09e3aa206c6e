import { AccountRootPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { VaultFunction } from './vault-function.ts';

/**
 * Spelled out, since `kms:Create*` would hold CreateGrant, by which an administrator could hand out the actions on
 * data that this list leaves away.
 */
const administrationActions = [
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

/** What an administrator of the account may do with a key of ours: manage it, and neither use it nor hand out its use. */
export const administrationStatement = (): PolicyStatement =>
  new PolicyStatement({
    sid: 'AdministerWithoutUse',
    actions: administrationActions,
    principals: [new AccountRootPrincipal()],
    resources: ['*'],
  });

/** Lets a function use a key that belongs to no org, by its own role: in its policy and in the key's. */
export const grantToFunctionRole = (fn: VaultFunction, key: Key, actions: string[]): void => {
  fn.allow(new PolicyStatement({ actions, resources: [key.keyArn] }));
  // The account with a condition on the role, not the role itself: see ContextKey.grant.
  key.addToResourcePolicy(
    new PolicyStatement({
      actions,
      principals: [new AccountRootPrincipal()],
      resources: ['*'],
      conditions: { ArnEquals: { 'aws:PrincipalArn': fn.role.roleArn } },
    }),
  );
};
