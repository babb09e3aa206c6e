import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { noBackupTable } from '../shared/no-backup-table.ts';
import { grantFindCopies, grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Keyrings of users, and what finds them, by `org` and `id` (docs/format.md, section 12). Slots exist nowhere else, so removing one
 * ends what it opens; therefore this table is never copied (uncopied-table.ts). `ttl` (epoch seconds) tidies up codes and attempts
 * that have ended; that they have is enforced on read.
 */
export class UserKeyringTable extends Construct {
  readonly name: string;
  private readonly table: Table;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.table = noBackupTable(this, { sortKey: 'id', timeToLiveAttribute: 'ttl' });
    this.name = this.table.tableName;
  }

  /** A user's keyring by strongly consistent read, together with its records. */
  grantRead(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem']);
  }

  /** Users made, listed, and deleted with what finds them. */
  grantManage(fn: VaultFunction): void {
    this.grant(fn, [
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
    ]);
  }

  /** Keyrings, locators and attempts, each by its name; no list: whoever knows one user need not know who else there is. */
  grantChange(fn: VaultFunction): void {
    this.grant(fn, [
      'dynamodb:BatchGetItem',
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
    ]);
  }

  /** All items of an org, and their deletion. */
  grantDestroy(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:DeleteItem', 'dynamodb:Query']);
  }

  /** Which copies of this table exist. */
  grantFindCopies(fn: VaultFunction): void {
    grantFindCopies(fn, this.table, functionEnv.userKeyringTableArn);
  }

  private grant(fn: VaultFunction, actions: string[]): void {
    grantTable(fn, this.table, functionEnv.userKeyringTable, actions);
  }
}
