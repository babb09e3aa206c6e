import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { connectionPartitionPrefix, functionEnv } from '../../contract/shared/environment-variables.ts';
import { noBackupTable } from '../shared/no-backup-table.ts';
import { OrgTable } from '../shared/org-table.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Mailboxes of devices with their sockets and push subscriptions, by `org` and `id` (docs/session-service.md, section
 * 10). Without backups, so that acknowledged messages do not come back. `ttl` (epoch seconds) removes messages after 30
 * days, and the rest earlier or later.
 */
export class MailboxTable extends OrgTable {
  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id, functionEnv.mailboxTable, (table) =>
      noBackupTable(table, { name, sortKey: 'id', timeToLiveAttribute: 'ttl' }),
    );
  }

  /** Stores, reads and deletes messages, tickets, connections and push subscriptions. */
  grantManage(fn: VaultFunction): void {
    this.grantConnectionOwners(fn, ['dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:PutItem']);
    this.grant(fn, [
      'dynamodb:BatchGetItem',
      'dynamodb:DeleteItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
    ]);
  }

  /** Reads messages and connections, and deletes connections and subscriptions that do not exist any more. */
  grantNotify(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem', 'dynamodb:DeleteItem', 'dynamodb:Query', 'dynamodb:UpdateItem']);
  }

  /**
   * The items that lead from a connection to its device. They belong to no org, because the events of a connection do not
   * name it.
   */
  private grantConnectionOwners(fn: VaultFunction, actions: string[]): void {
    fn.allow(
      new PolicyStatement({
        actions,
        resources: [this.arn],
        conditions: {
          'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [`${connectionPartitionPrefix}*`] },
          Null: { 'dynamodb:LeadingKeys': 'false' },
        },
      }),
    );
  }
}
