import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { OrgTable } from '../shared/org-table.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Logins of identities of other systems, by `org` and `id`, with the identities that were used and the counters of
 * attempts (docs/workload-identity.md, section 2). Point-in-time recovery is on: a lost login locks its workloads out.
 * `ttl` (epoch seconds) removes used identities and counters.
 */
export class LoginTable extends OrgTable {
  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id, functionEnv.loginTable, (table) =>
      orgPartitionedTable(table, { name, sortKey: 'id', recoverable: true, timeToLiveAttribute: 'ttl' }),
    );
  }

  /** Creates, lists and deletes logins. */
  grantManage(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query']);
  }

  /** Reads a login, to explain who can use it. */
  grantLook(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem']);
  }

  /** Reads a login, and writes the attributes of used identities and of counters only: no login can be written. */
  grantUse(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem']);
    this.grant(fn, ['dynamodb:UpdateItem'], ['org', 'id', 'by', 'ttl', 'tries', 'until']);
  }
}
