import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * API key records by `org` and `id`: role, state, and a hash of the secret. A key cannot be recovered from the hash. `ttl`
 * (epoch seconds) removes the records of keys that logins gave, a day after they have expired.
 */
export class ApiKeyTable extends Construct {
  readonly name: string;
  private readonly table: Table;

  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id);
    this.table = orgPartitionedTable(this, { name, sortKey: 'id', recoverable: true, timeToLiveAttribute: 'ttl' });
    this.name = this.table.tableName;
  }

  /** Reads the record of the request's API key, and records its last use. */
  grantRead(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem']);
    this.grantTouch(fn);
  }

  /** Writes only the hour of a key's last use. This permission cannot be used to gain other permissions. */
  grantTouch(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:UpdateItem'], ['org', 'id', 'lastUsedAt']);
  }

  /** Lists the keys of an org, to explain their permissions. */
  grantList(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:Query']);
  }

  /** Creates the first key of a new org. */
  grantPut(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:PutItem']);
  }

  /** Creates, lists, replaces and revokes the keys of an org. */
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
