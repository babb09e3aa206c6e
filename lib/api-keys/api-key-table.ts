import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/** API key records by `org` and `id`: role, state and a hash of the secret, from which no key can be made. */
export class ApiKeyTable extends Construct {
  readonly name: string;
  private readonly table: Table;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.table = orgPartitionedTable(this, { sortKey: 'id', recoverable: true });
    this.name = this.table.tableName;
  }

  /** The record of the key that a request came with, and the note of its use. */
  grantRead(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem']);
    this.grantTouch(fn);
  }

  /** The hour of a key's last use, and no other attribute: who may write that gains no right by it. */
  grantTouch(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:UpdateItem'], ['org', 'id', 'lastUsedAt']);
  }

  /** Keys of an org, for who tells what they may do. */
  grantList(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:Query']);
  }

  /** A first key for a new org. */
  grantPut(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:PutItem']);
  }

  /** Keys of an org made, listed, replaced, revoked. */
  grantManage(fn: VaultFunction): void {
    this.grant(fn, [
      'dynamodb:BatchGetItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
    ]);
  }

  private grant(fn: VaultFunction, actions: string[], attributes?: readonly string[]): void {
    grantTable(fn, this.table, functionEnv.apiKeyTable, actions, attributes);
  }
}
