import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { grantFindCopies, grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Values by `org` and `name`, sealed. Point-in-time recovery is on: ciphertext brought back opens only while its DEK
 * lives. `ttl` (epoch seconds) tidies up what has expired; the expiry itself is enforced on read.
 */
export class ValueTable extends Construct {
  readonly name: string;
  private readonly table: Table;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.table = orgPartitionedTable(this, { sortKey: 'name', recoverable: true, timeToLiveAttribute: 'ttl' });
    this.name = this.table.tableName;
  }

  /** Values by name, and lists by prefix within one org. */
  grantRead(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem', 'dynamodb:Query']);
  }

  /** Values by name, their next version, their deletion. No list: a writer need not know what else there is. */
  grantWrite(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem', 'dynamodb:DeleteItem', 'dynamodb:PutItem']);
  }

  /** All values of an org, and other sealed strings in their place; no value made, none deleted. */
  grantReseal(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:UpdateItem']);
  }

  /** How many values there are; no list of its own, but DynamoDB has no action that only counts. */
  grantCount(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:Query']);
  }

  /** Values by name and their deletion, and which copies of this table exist. */
  grantDestroy(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem', 'dynamodb:DeleteItem']);
    grantFindCopies(fn, this.table, functionEnv.valueTableArn);
  }

  /** Values of an org whose names are known, for what it keeps for itself. */
  grantGet(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem']);
  }

  /** Under which DEK a value is, and not the value. */
  grantLook(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem'], ['org', 'name', 'version', 'info']);
  }

  private grant(fn: VaultFunction, actions: string[], attributes?: readonly string[]): void {
    grantTable(fn, this.table, functionEnv.valueTable, actions, attributes);
  }
}
