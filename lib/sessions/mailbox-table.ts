import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { noBackupTable } from '../shared/no-backup-table.ts';
import { grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Mailboxes of devices, by `org` and `id` (docs/session-service.md, section 10). Without backups, so that acknowledged
 * messages do not come back. `ttl` (epoch seconds) removes messages after 30 days.
 */
export class MailboxTable extends Construct {
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

  /** Stores, reads and deletes messages. */
  grantManage(fn: VaultFunction): void {
    this.grant(fn, [
      'dynamodb:BatchGetItem',
      'dynamodb:DeleteItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
    ]);
  }

  /** Lists and deletes all items of a device or an org. */
  grantDestroy(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:DeleteItem', 'dynamodb:Query']);
  }

  private grant(fn: VaultFunction, actions: string[]): void {
    grantTable(fn, this.table, functionEnv.mailboxTable, actions);
  }
}
