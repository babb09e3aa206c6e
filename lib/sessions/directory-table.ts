import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Signed directories with their invites, prekeys and conversations, by `org` and `id` (docs/session-service.md, section
 * 10). Point-in-time recovery is on: a lost entry ends a directory, and nothing in the table opens a message. `ttl`
 * (epoch seconds) removes expired invites and counts of claims.
 */
export class DirectoryTable extends Construct {
  readonly name: string;
  readonly arn: string;
  private readonly table: Table;

  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id);
    this.table = orgPartitionedTable(this, { name, sortKey: 'id', recoverable: true, timeToLiveAttribute: 'ttl' });
    this.name = this.table.tableName;
    this.arn = this.table.tableArn;
  }

  /** Everything that the routes of the directory need. */
  grantManage(fn: VaultFunction): void {
    this.grant(fn, [
      'dynamodb:BatchGetItem',
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
    ]);
  }

  /** Reads who may write to whom. */
  grantRead(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query']);
  }

  /** Lists and deletes all items of an org. */
  grantDestroy(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:DeleteItem', 'dynamodb:Query']);
  }

  private grant(fn: VaultFunction, actions: string[]): void {
    grantTable(fn, this.table, functionEnv.directoryTable, actions);
  }
}
