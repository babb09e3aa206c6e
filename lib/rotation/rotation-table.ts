import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * The progress of the latest rotation of each org (`org`), and the number of values encrypted since. For monitoring
 * only: no security decision depends on it.
 */
export class RotationTable extends Construct {
  readonly name: string;
  private readonly table: Table;

  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id);
    this.table = orgPartitionedTable(this, { name, recoverable: true });
    this.name = this.table.tableName;
  }

  /** Reads the progress of an org's rotation. */
  grantRead(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem']);
  }

  /** Reads and updates the progress. */
  grantWrite(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem', 'dynamodb:UpdateItem']);
  }

  /** Updates only the counter of encrypted values. */
  grantCount(fn: VaultFunction): void {
    const attributes = ['org', 'messages', 'messagesVersion'];
    grantTable(fn, this.table, functionEnv.rotationTable, ['dynamodb:UpdateItem'], attributes);
  }

  private grant(fn: VaultFunction, actions: string[]): void {
    grantTable(fn, this.table, functionEnv.rotationTable, actions);
  }
}
