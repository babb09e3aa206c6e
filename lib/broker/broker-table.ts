import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { noBackupTable } from '../shared/no-backup-table.ts';
import { OrgTable } from '../shared/org-table.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * What the broker sent to which host, counters of uses, and the states of access tokens, by `org` and `id`
 * (docs/broker.md). Without backups, so that a restore does not bring back the state of a refresh. `ttl` (epoch seconds)
 * removes counters and unused states.
 */
export class BrokerTable extends OrgTable {
  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id, functionEnv.brokerTable, (table) =>
      noBackupTable(table, { name, sortKey: 'id', timeToLiveAttribute: 'ttl' }),
    );
  }

  /** Reads and replaces single items. */
  grantUse(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem']);
  }
}
