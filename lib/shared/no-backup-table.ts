import { Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { type OrgPartitionedTableProps, orgPartitionedTable } from './org-partitioned-table.ts';

/**
 * Every way to copy a table that DynamoDB lets a resource policy forbid; any other action here, and the deployment
 * fails. Taking a backup by AWS Backup can't be forbidden here.
 */
const backupActions = [
  'dynamodb:CreateBackup',
  'dynamodb:UpdateContinuousBackups',
  'dynamodb:RestoreTableToPointInTime',
  'dynamodb:ExportTableToPointInTime',
  'dynamodb:EnableKinesisStreamingDestination',
];

/**
 * A table of wrapped keys that exist nowhere else, so that deleting one destroys what it opens for good. Therefore it is never
 * copied: no point-in-time recovery, no stream, no backup.
 */
export const noBackupTable = (
  scope: Construct,
  props: Omit<OrgPartitionedTableProps, 'recoverable' | 'resourcePolicy'>,
): Table => {
  const table = orgPartitionedTable(scope, {
    ...props,
    // Left out, not set to false: then a deployment has no reason to call what is denied.
    recoverable: false,
    resourcePolicy: new PolicyDocument({ statements: [denyBackups()] }),
  });
  Validations.of(table).acknowledge({
    id: 'AwsSolutions-DDB3',
    reason: 'A restored keyring would bring shredded keys back: this table must not be recoverable.',
  });
  return table;
};

const denyBackups = (): PolicyStatement =>
  new PolicyStatement({
    sid: 'DenyCopies',
    effect: Effect.DENY,
    actions: backupActions,
    principals: [new AnyPrincipal()],
    // In a table's own policy `*` is that table; its ARN does not exist yet when the policy is attached.
    resources: ['*'],
  });
