import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/** How far the latest rotation of each org (`org`) is, and how much was sealed since: to be watched, and to be trusted in nothing. */
export class RotationTable extends Construct {
  readonly name: string;
  private readonly table: Table;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.table = orgPartitionedTable(this, { recoverable: true });
    this.name = this.table.tableName;
  }

  /** The progress of an org's rotation. */
  grantRead(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem']);
  }

  /** The same, and its next state. */
  grantWrite(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem', 'dynamodb:UpdateItem']);
  }

  /** Messages counted, and nothing of the progress. */
  grantCount(fn: VaultFunction): void {
    const attributes = ['org', 'messages', 'messagesVersion'];
    grantTable(fn, this.table, functionEnv.rotationTable, ['dynamodb:UpdateItem'], attributes);
  }

  private grant(fn: VaultFunction, actions: string[]): void {
    grantTable(fn, this.table, functionEnv.rotationTable, actions);
  }
}
