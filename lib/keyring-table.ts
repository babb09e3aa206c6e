import { Validations } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { functionEnv } from '../contract/environment.ts';
import { orgTable } from './org-table.ts';
import { grantFindCopies, grantTable } from './table-grant.ts';
import type { VaultFunction } from './vault-function.ts';

/**
 * Every way to copy a table that DynamoDB lets a resource policy forbid; any other action here, and the deployment
 * fails. Taking a backup by AWS Backup can't be forbidden here.
 */
const copyingActions = [
  'dynamodb:CreateBackup',
  'dynamodb:UpdateContinuousBackups',
  'dynamodb:RestoreTableToPointInTime',
  'dynamodb:ExportTableToPointInTime',
  'dynamodb:EnableKinesisStreamingDestination',
];

/**
 * Keyring records: one item for each org (`org`), with its wrapped DEKs. They exist nowhere else, so deleting one
 * shreds the org's data for good; therefore this table is never copied: no point-in-time recovery, no stream, no backup.
 */
export class KeyringTable extends Construct {
  readonly name: string;
  private readonly table: Table;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.table = orgTable(this, {
      // Left out, not set to false: then a deployment has no reason to call what is denied.
      recoverable: false,
      resourcePolicy: new PolicyDocument({ statements: [denyCopies()] }),
    });
    Validations.of(this.table).acknowledge({
      id: 'AwsSolutions-DDB3',
      reason: 'A restored keyring would bring shredded keys back: this table must not be recoverable.',
    });
    this.name = this.table.tableName;
  }

  /** Record by strongly consistent read, alone or together with API key and values. */
  grantRead(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem']);
  }

  /** As grantRead, and a read of the record by itself. */
  grantInspect(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem', 'dynamodb:GetItem']);
  }

  /** Record by itself, and its next generation. */
  grantChange(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem', 'dynamodb:PutItem']);
  }

  /** Which copies of this table exist. */
  grantFindCopies(fn: VaultFunction): void {
    grantFindCopies(fn, this.table, functionEnv.keyringTableArn);
  }

  /** Record made, or replaced by its next generation. */
  grantPut(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:PutItem']);
  }

  private grant(fn: VaultFunction, actions: string[]): void {
    grantTable(fn, this.table, functionEnv.keyringTable, actions);
  }
}

const denyCopies = (): PolicyStatement =>
  new PolicyStatement({
    sid: 'DenyCopies',
    effect: Effect.DENY,
    actions: copyingActions,
    principals: [new AnyPrincipal()],
    // In a table's own policy `*` is that table; its ARN does not exist yet when the policy is attached.
    resources: ['*'],
  });
