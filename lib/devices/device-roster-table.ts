import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { noBackupTable } from '../shared/no-backup-table.ts';
import { OrgTable } from '../shared/org-table.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Rosters of device vaults with their wrapped keys, recovery boxes and pairings, by `org` and `id`
 * (docs/device-service.md, section 7). Without backups, so that a removed wrap does not come back. `ttl` (epoch seconds)
 * removes expired pairings; expiry itself is enforced on read.
 */
export class DeviceRosterTable extends OrgTable {
  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id, functionEnv.deviceRosterTable, (table) =>
      noBackupTable(table, { name, sortKey: 'id', timeToLiveAttribute: 'ttl' }),
    );
  }

  /** Everything that the routes of device vaults need. */
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

  /** Reads single rosters. */
  grantLook(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem']);
  }
}
