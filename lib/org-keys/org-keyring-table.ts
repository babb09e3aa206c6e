import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { noBackupTable } from '../shared/no-backup-table.ts';
import { grantFindCopies, grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Keyring records: one item for each org (`org`), with its wrapped DEKs. They exist nowhere else, so deleting one
 * shreds the org's data for good; therefore this table is never copied (uncopied-table.ts).
 */
export class KeyringTable extends Construct {
  readonly name: string;
  private readonly table: Table;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.table = noBackupTable(this, {});
    this.name = this.table.tableName;
  }

  /** Record by strongly consistent read, alone or together with API key and values. */
  grantRead(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem']);
  }

  /** As grantRead, and a read of the record by itself. */
  grantInspect(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem', 'dynamodb:GetItem']);
  }

  /** Record by itself, and its next generation. */
  grantChange(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem', 'dynamodb:PutItem']);
  }

  /** Which copies of this table exist. */
  grantFindCopies(fn: VaultFunction): void {
    grantFindCopies(fn, this.table, functionEnv.keyringTableArn);
  }

  /** Record made, or replaced by its next generation. */
  grantPut(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:PutItem']);
  }

  private grant(fn: VaultFunction, actions: string[]): void {
    grantTable(fn, this.table, functionEnv.keyringTable, actions);
  }
}
