import { Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { functionEnv } from '../../contract/shared/environment-variables.ts';
import { sessionOrgTag } from './session-role.ts';
import type { VaultFunction } from './vault-function.ts';

type TableSetting = (typeof functionEnv)[
  | 'keyringTable'
  | 'apiKeyTable'
  | 'valueTable'
  | 'auditTable'
  | 'rotationTable'
  | 'blobTable'
  | 'userKeyringTable'
  | 'userRecordTable'
  | 'deliveryTable'];

/**
 * Every key that a call touches begins with the session's org. ForAllValues also holds when there is none, as in a Scan,
 * which the Null condition then refuses.
 */
const leadingKeyIsOrg = {
  'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [sessionOrgTag] },
  Null: { 'dynamodb:LeadingKeys': 'false' },
};

/**
 * Limits what a call names, its key and conditions included, and keeps the rest of the item out of its reply: an update may return
 * what it updates, a read must say what it wants. Source: DynamoDB developer guide, "Using IAM policy conditions for fine-grained
 * access control".
 */
const onlyAttributes = (attributes: readonly string[]) => ({
  'ForAllValues:StringEquals': { 'dynamodb:Attributes': [...attributes] },
  StringEqualsIfExists: {
    'dynamodb:ReturnValues': ['NONE', 'UPDATED_OLD', 'UPDATED_NEW'],
    'dynamodb:Select': 'SPECIFIC_ATTRIBUTES',
  },
});

/**
 * Gives a function these actions on the items of an org in a table, whose partition key must be the org, and tells it the
 * table's name, so that neither is without the other. `attributes` are the only ones that these actions may touch then.
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
 * Lets a function find out which copies of a table exist, in DynamoDB and in AWS Backup, and tells it the table's ARN. By its own
 * role: backups belong to no org.
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
    reason: 'Neither action knows resources in IAM. They list names and times of backups, and read nothing of them.',
  });
  fn.set(setting, table.tableArn);
};
