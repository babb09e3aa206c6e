import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { noBackupTable } from '../shared/no-backup-table.ts';
import { grantFindCopies, grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Keyrings of users and their locators, by `org` and `id` (docs/format.md, section 12). There is no other copy of a key
 * slot, so removing one permanently revokes its access. Therefore this table must not have backups
 * (no-backup-table.ts). `ttl` (epoch seconds) removes expired codes and attempts; expiry itself is enforced on read.
 */
export class UserKeyringTable extends Construct {
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

  /** Reads a user's keyring with strong consistency, together with its records. */
  grantRead(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem']);
  }

  /** Creates, lists and deletes users and their locators. */
  grantManage(fn: VaultFunction): void {
    this.grant(fn, [
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
    ]);
  }

  /**
   * Reads and changes single keyrings, locators and attempts. Without list permission, because other users are not
   * needed.
   */
  grantChange(fn: VaultFunction): void {
    this.grant(fn, [
      'dynamodb:BatchGetItem',
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
    ]);
  }

  /** Lists and deletes all items of an org. */
  grantDestroy(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:DeleteItem', 'dynamodb:Query']);
  }

  /** Lists the copies of this table. */
  grantFindCopies(fn: VaultFunction): void {
    grantFindCopies(fn, this.table, functionEnv.userKeyringTableArn);
  }

  private grant(fn: VaultFunction, actions: string[]): void {
    grantTable(fn, this.table, functionEnv.userKeyringTable, actions);
  }
}
