import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { grantFindCopies, grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Encrypted values by `org` and `name`. Point-in-time recovery is on: restored ciphertext can be decrypted only while
 * its DEK exists. `ttl` (epoch seconds) removes expired values; expiry itself is enforced on read.
 */
export class ValueTable extends Construct {
  readonly name: string;
  readonly arn: string;
  private readonly table: Table;

  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id);
    this.table = orgPartitionedTable(this, { name, sortKey: 'name', recoverable: true, timeToLiveAttribute: 'ttl' });
    this.name = this.table.tableName;
    this.arn = this.table.tableArn;
  }

  /** Reads values by name, and lists them by prefix within one org. */
  grantRead(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem', 'dynamodb:Query']);
  }

  /**
   * Reads, updates and deletes single values and their history slots. Without list permission, because a writer does
   * not need other names.
   */
  grantWrite(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem', 'dynamodb:DeleteItem', 'dynamodb:PutItem']);
  }

  /**
   * Lists the values of an org, replaces their ciphertext, and deletes history slots that belong to no value. Cannot
   * create items.
   */
  grantReseal(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:UpdateItem']);
  }

  /** Counts values. This requires Query, because DynamoDB has no action that only counts. */
  grantCount(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:Query']);
  }

  /** Reads and deletes single values, and lists the copies of this table. */
  grantDestroy(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem', 'dynamodb:DeleteItem']);
    grantFindCopies(fn, this.table, functionEnv.valueTableArn);
  }

  /** Reads values with known names, which the vault needs itself, such as provider secrets. */
  grantGet(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem']);
  }

  /**
   * Puts values, and reads whether a name is taken. No attribute that holds a value or its metadata can be read, also not
   * as the item that a put replaces.
   */
  grantCreate(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:PutItem'], ['org', 'name', 'life', 'version', 'writeId', 'value', 'info', 'ttl']);
    this.grant(fn, ['dynamodb:GetItem'], ['org', 'name', 'ttl']);
  }

  /** Reads which DEK encrypts a value, but not the value. */
  grantLook(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem'], ['org', 'name', 'info']);
  }

  private grant(fn: VaultFunction, actions: string[], attributes?: readonly string[]): void {
    grantTable(fn, this.table, functionEnv.valueTable, actions, attributes);
  }
}
