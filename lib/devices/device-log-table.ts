import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Signed entries of device vaults by `org` and `id` (docs/device-service.md, section 7). Point-in-time recovery is on:
 * the entries contain ciphertext that only the devices of the user can open.
 */
export class DeviceLogTable extends Construct {
  readonly name: string;
  readonly arn: string;
  private readonly table: Table;

  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id);
    this.table = orgPartitionedTable(this, { name, sortKey: 'id', recoverable: true });
    this.name = this.table.tableName;
    this.arn = this.table.tableArn;
  }

  /** Appends, reads, lists and deletes entries. An entry is never replaced. */
  grantManage(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query']);
  }

  /** Lists and deletes all entries of a user or an org. */
  grantDestroy(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:DeleteItem', 'dynamodb:Query']);
  }

  private grant(fn: VaultFunction, actions: string[]): void {
    grantTable(fn, this.table, functionEnv.deviceLogTable, actions);
  }
}
