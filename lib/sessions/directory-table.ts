import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { OrgTable } from '../shared/org-table.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Signed directories with their invites, prekeys and conversations, by `org` and `id` (docs/session-service.md, section
 * 10). Point-in-time recovery is on: a lost entry ends a directory, and nothing in the table opens a message. `ttl`
 * (epoch seconds) removes expired invites and counts of claims.
 */
export class DirectoryTable extends OrgTable {
  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id, functionEnv.directoryTable, (table) =>
      orgPartitionedTable(table, { name, sortKey: 'id', recoverable: true, timeToLiveAttribute: 'ttl' }),
    );
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
}
