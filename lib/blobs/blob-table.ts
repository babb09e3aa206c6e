import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { OrgTable } from '../shared/org-table.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Records of blobs by `org` and `id`: sizes, times, counts, and hashes of proofs. No blob can be decrypted from them.
 * `ttl` (epoch seconds) removes expired records; expiry itself is enforced on read.
 */
export class BlobTable extends OrgTable {
  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id, functionEnv.blobTable, (table) =>
      orgPartitionedTable(table, { name, sortKey: 'id', recoverable: true, timeToLiveAttribute: 'ttl' }),
    );
  }

  /** Starts, completes and lists blobs, replaces their links, marks them as deleted, and deletes damaged records. */
  grantManage(fn: VaultFunction): void {
    this.grant(fn, [
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
    ]);
  }

  /**
   * Reads the record of one link and counts its openings. Listing is not permitted, because a link gives access to only
   * one blob.
   */
  grantOpen(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem']);
  }

  /** Reads the record of one blob. */
  grantLook(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem']);
  }
}
