import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { OrgTable } from '../shared/org-table.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Encrypted memories and messages of users by `org` and `id`. Point-in-time recovery is on: restored ciphertext can be
 * decrypted only while its user has a key slot. `ttl` (epoch seconds) removes expired records; expiry itself is enforced
 * on read.
 */
export class UserRecordTable extends OrgTable {
  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id, functionEnv.userRecordTable, (table) =>
      orgPartitionedTable(table, { name, sortKey: 'id', recoverable: true, timeToLiveAttribute: 'ttl' }),
    );
  }

  /** Reads single records. */
  grantRead(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem']);
  }

  /** Reads, lists, updates and deletes records. */
  grantManage(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem', 'dynamodb:DeleteItem', 'dynamodb:PutItem', 'dynamodb:Query']);
  }

  /** Reads the history, adds messages, marks answers as sent, and deletes all records of a user. */
  grantConverse(fn: VaultFunction): void {
    this.grant(fn, [
      'dynamodb:BatchGetItem',
      'dynamodb:DeleteItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
    ]);
  }
}
