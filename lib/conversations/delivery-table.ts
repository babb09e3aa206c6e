import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Deliveries of messages that were seen, by `org` and `id`, a hash of what the provider calls them: so that one that comes again is
 * answered once. Recoverable, or a message that was sent once could be played again. `ttl` (epoch seconds) tidies up those that the
 * provider's signature refuses by then.
 */
export class DeliveryTable extends Construct {
  readonly name: string;
  private readonly table: Table;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.table = orgPartitionedTable(this, { sortKey: 'id', recoverable: true, timeToLiveAttribute: 'ttl' });
    this.name = this.table.tableName;
  }

  /** A delivery noted, if it is the first of its id, and noted as handed on; each answers with what was there. None is deleted. */
  grantNote(fn: VaultFunction): void {
    grantTable(fn, this.table, functionEnv.deliveryTable, ['dynamodb:UpdateItem']);
  }
}
