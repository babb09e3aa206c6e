import { AccountRootPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { VaultFunction } from './vault-function.ts';

/**
 * Listed explicitly, because `kms:Create*` includes CreateGrant, with which an administrator could grant the
 * cryptographic actions that this list omits.
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

/** Allows account administrators to manage the key, but not to use it or to grant its use. */
export const administrationStatement = (): PolicyStatement =>
  new PolicyStatement({
    sid: 'AdministerWithoutUse',
    actions: administrationActions,
    principals: [new AccountRootPrincipal()],
    resources: ['*'],
  });

/**
 * Allows a function's own role to use a key that does not belong to an org, in the role's policy and in the key policy.
 */
export const grantToFunctionRole = (fn: VaultFunction, key: Key, actions: string[]): void => {
  fn.allow(new PolicyStatement({ actions, resources: [key.keyArn] }));
  // The principal is the account with a condition on the role, not the role itself: see EncryptionContextKey.grant.
  key.addToResourcePolicy(
    new PolicyStatement({
      actions,
      principals: [new AccountRootPrincipal()],
      resources: ['*'],
      conditions: { ArnEquals: { 'aws:PrincipalArn': fn.roleArn } },
    }),
  );
};
