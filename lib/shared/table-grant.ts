import { Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { functionEnv } from '../../contract/shared/environment-variables.ts';
import { sessionOrgTag } from './session-role.ts';
import type { VaultFunction } from './vault-function.ts';

export type TableSetting = (typeof functionEnv)[
  | 'keyringTable'
  | 'apiKeyTable'
  | 'valueTable'
  | 'auditTable'
  | 'rotationTable'
  | 'blobTable'
  | 'userKeyringTable'
  | 'userRecordTable'
  | 'deliveryTable'
  | 'deviceRosterTable'
  | 'deviceLogTable'
  | 'directoryTable'
  | 'mailboxTable'
  | 'brokerTable'
  | 'approvalTable'
  | 'loginTable'
  | 'secretRequestTable'];

/**
 * Every partition key of a call must be the session's org. ForAllValues is also true without any key, as in a Scan, so
 * the Null condition rejects that.
 */
const leadingKeyIsOrg = {
  'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [sessionOrgTag] },
  Null: { 'dynamodb:LeadingKeys': 'false' },
};

/**
 * Limits the attributes that a call names, including keys and conditions, and keeps other attributes out of the
 * response: an update can return only updated attributes, and a read must select attributes. Source: DynamoDB developer
 * guide, "Using IAM policy conditions for fine-grained access control".
 */
const onlyAttributes = (attributes: readonly string[]) => ({
  'ForAllValues:StringEquals': { 'dynamodb:Attributes': [...attributes] },
  StringEqualsIfExists: {
    'dynamodb:ReturnValues': ['NONE', 'UPDATED_OLD', 'UPDATED_NEW'],
    'dynamodb:Select': 'SPECIFIC_ATTRIBUTES',
  },
});

/**
 * Allows a function these actions on the items of the session's org, and sets the table's name in the function's
 * environment. The table's partition key must be the org. With `attributes`, the actions are limited to these
 * attributes.
 */
export const grantTable = (
  fn: VaultFunction,
  table: Table,
  setting: TableSetting,
  actions: string[],
  attributes?: readonly string[],
): void => {
  const conditions = attributes === undefined ? {} : onlyAttributes(attributes);
  fn.allowForOrg(new PolicyStatement({ actions, resources: [table.tableArn], conditions }), leadingKeyIsOrg);
  fn.set(setting, table.tableName);
};

/**
 * Allows a function to list the copies of a table in DynamoDB and in AWS Backup, and sets the table's ARN in the
 * function's environment. Uses the function's own role, because backups do not belong to an org.
 */
export const grantFindCopies = (
  fn: VaultFunction,
  table: Table,
  setting: (typeof functionEnv)['keyringTableArn' | 'valueTableArn' | 'userKeyringTableArn'],
): void => {
  fn.allow(new PolicyStatement({ actions: ['dynamodb:DescribeContinuousBackups'], resources: [table.tableArn] }));
  fn.allow(
    new PolicyStatement({ actions: ['backup:ListRecoveryPointsByResource', 'dynamodb:ListBackups'], resources: ['*'] }),
  );
  Validations.of(fn).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason:
      'Neither action supports resources in IAM. They list names and times of backups and cannot read their content.',
  });
  fn.set(setting, table.tableArn);
};
