import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { OrgTable } from '../shared/org-table.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Signed entries of device vaults by `org` and `id` (docs/device-service.md, section 7). Point-in-time recovery is on:
 * the entries contain ciphertext that only the devices of the user can open.
 */
export class DeviceLogTable extends OrgTable {
  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id, functionEnv.deviceLogTable, (table) =>
      orgPartitionedTable(table, { name, sortKey: 'id', recoverable: true }),
    );
  }

  /** Appends, reads, lists and deletes entries. An entry is never replaced. */
  grantManage(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query']);
  }
}
