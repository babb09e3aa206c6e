import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { noBackupTable } from '../shared/no-backup-table.ts';
import { grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Rosters of device vaults with their wrapped keys, recovery boxes and pairings, by `org` and `id`
 * (docs/device-service.md, section 7). Without backups, so that a removed wrap does not come back. `ttl` (epoch seconds)
 * removes expired pairings; expiry itself is enforced on read.
 */
export class DeviceRosterTable extends Construct {
  readonly name: string;
  readonly arn: string;
  private readonly table: Table;

  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id);
    this.table = noBackupTable(this, { name, sortKey: 'id', timeToLiveAttribute: 'ttl' });
    this.name = this.table.tableName;
    this.arn = this.table.tableArn;
  }

  /** Everything that the routes of device vaults need. */
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

  /** Lists and deletes all items of a user or an org. */
  grantDestroy(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:DeleteItem', 'dynamodb:Query']);
  }

  /** Reads single rosters. */
  grantLook(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem']);
  }

  private grant(fn: VaultFunction, actions: string[]): void {
    grantTable(fn, this.table, functionEnv.deviceRosterTable, actions);
  }
}
