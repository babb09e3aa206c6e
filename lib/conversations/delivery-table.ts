import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Processed message deliveries by `org` and `id`, which is a hash of the provider's message ID. With them, a
 * redelivered message is answered only once. Point-in-time recovery is on, because without the records a message could
 * be replayed. `ttl` (epoch seconds) removes records when the provider's signature is too old to be accepted again.
 */
export class DeliveryTable extends Construct {
  readonly name: string;
  private readonly table: Table;

  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id);
    this.table = orgPartitionedTable(this, { name, sortKey: 'id', recoverable: true, timeToLiveAttribute: 'ttl' });
    this.name = this.table.tableName;
  }

  /**
   * Records a delivery if its ID is new, and marks it as enqueued. Each write returns the previous state. Nothing is
   * deleted.
   */
  grantNote(fn: VaultFunction): void {
    grantTable(fn, this.table, functionEnv.deliveryTable, ['dynamodb:UpdateItem']);
  }
}
