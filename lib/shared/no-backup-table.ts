import { Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { type OrgPartitionedTableProps, orgPartitionedTable } from './org-partitioned-table.ts';

/**
 * All actions that copy a table and that a DynamoDB resource policy can deny. With any other action, the deployment
 * fails. Backups by AWS Backup cannot be denied here.
 */
const backupActions = [
  'dynamodb:CreateBackup',
  'dynamodb:UpdateContinuousBackups',
  'dynamodb:RestoreTableToPointInTime',
  'dynamodb:ExportTableToPointInTime',
  'dynamodb:EnableKinesisStreamingDestination',
];

/**
 * A table of wrapped keys without any copy: no point-in-time recovery, no stream, no backup. Therefore, deleting a key
 * permanently destroys the data that it decrypts.
 */
export const noBackupTable = (
  scope: Construct,
  props: Omit<OrgPartitionedTableProps, 'recoverable' | 'resourcePolicy'>,
): Table => {
  const table = orgPartitionedTable(scope, {
    ...props,
    // Omitted instead of set to false, so that a deployment does not call the denied action.
    recoverable: false,
    resourcePolicy: new PolicyDocument({ statements: [denyBackups()] }),
  });
  Validations.of(table).acknowledge({
    id: 'AwsSolutions-DDB3',
    reason: 'A restored keyring would contain shredded keys, so this table must not be recoverable.',
  });
  return table;
};

const denyBackups = (): PolicyStatement =>
  new PolicyStatement({
    sid: 'DenyCopies',
    effect: Effect.DENY,
    actions: backupActions,
    principals: [new AnyPrincipal()],
    // In the resource policy of a table, `*` is this table. Its ARN does not exist yet when the policy is attached.
    resources: ['*'],
  });
