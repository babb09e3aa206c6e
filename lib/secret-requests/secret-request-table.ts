import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { noBackupTable } from '../shared/no-backup-table.ts';
import { OrgTable } from '../shared/org-table.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Requests for a secret, by `org` and `id` (docs/secret-requests.md, section 7). Without backups, so that the share of a
 * closed request does not come back. `ttl` (epoch seconds) removes requests and counters.
 */
export class SecretRequestTable extends OrgTable {
  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id, functionEnv.secretRequestTable, (table) =>
      noBackupTable(table, { name, sortKey: 'id', timeToLiveAttribute: 'ttl' }),
    );
  }

  /** Creates, reads and changes single items. */
  grantUse(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem']);
  }
}
