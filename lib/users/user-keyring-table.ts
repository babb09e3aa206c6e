import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { noBackupTable } from '../shared/no-backup-table.ts';
import { OrgTable } from '../shared/org-table.ts';
import { grantFindCopies } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Keyrings of users and their locators, by `org` and `id` (docs/format.md, section 12). There is no other copy of a key
 * slot, so removing one permanently revokes its access. Therefore this table must not have backups
 * (no-backup-table.ts). `ttl` (epoch seconds) removes expired codes and attempts; expiry itself is enforced on read.
 */
export class UserKeyringTable extends OrgTable {
  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id, functionEnv.userKeyringTable, (table) =>
      noBackupTable(table, { name, sortKey: 'id', timeToLiveAttribute: 'ttl' }),
    );
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

  /** Lists the copies of this table. */
  grantFindCopies(fn: VaultFunction): void {
    grantFindCopies(fn, this.table, functionEnv.userKeyringTableArn);
  }
}
