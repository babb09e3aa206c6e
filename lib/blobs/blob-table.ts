import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Records of blobs by `org` and `id`: sizes, times, counts, and hashes of proofs, from which nothing can be opened. `ttl` (epoch
 * seconds) tidies up what has ended; that it has ended is enforced on read.
 */
export class BlobTable extends Construct {
  readonly name: string;
  private readonly table: Table;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.table = orgPartitionedTable(this, { sortKey: 'id', recoverable: true, timeToLiveAttribute: 'ttl' });
    this.name = this.table.tableName;
  }

  /** Blobs begun, completed, listed, given new links, marked as deleted. */
  grantManage(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:UpdateItem']);
  }

  /** The record of one link, and its openings counted; no list: whoever has a link need not know what else there is. */
  grantOpen(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem']);
  }

  /** The record of one blob. */
  grantLook(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem']);
  }

  /** All records of an org, and their deletion. */
  grantDestroy(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:DeleteItem', 'dynamodb:Query']);
  }

  private grant(fn: VaultFunction, actions: string[]): void {
    grantTable(fn, this.table, functionEnv.blobTable, actions);
  }
}
