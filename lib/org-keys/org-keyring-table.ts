import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { noBackupTable } from '../shared/no-backup-table.ts';
import { grantFindCopies, grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Keyring records: one item per org (`org`) with its wrapped DEKs. There is no other copy, so deleting an item
 * permanently shreds the org's data. Therefore this table must not have backups (no-backup-table.ts).
 */
export class KeyringTable extends Construct {
  readonly name: string;
  private readonly table: Table;

  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id);
    this.table = noBackupTable(this, { name });
    this.name = this.table.tableName;
  }

  /** Reads a record with strong consistency, alone or together with the API key and values. */
  grantRead(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:BatchGetItem']);
  }

  /** Reads a record and writes its next generation. */
  grantChange(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:GetItem', 'dynamodb:PutItem']);
  }

  /** Lists the copies of this table. */
  grantFindCopies(fn: VaultFunction): void {
    grantFindCopies(fn, this.table, functionEnv.keyringTableArn);
  }

  /** Creates a record or replaces it with its next generation. */
  grantPut(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:PutItem']);
  }

  private grant(fn: VaultFunction, actions: string[]): void {
    grantTable(fn, this.table, functionEnv.keyringTable, actions);
  }
}
