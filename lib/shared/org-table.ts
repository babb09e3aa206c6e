import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { grantTable, type TableSetting } from './table-grant.ts';
import type { VaultFunction } from './vault-function.ts';

/** A table whose partition key is the org. Its subclasses say which function may do what. */
export abstract class OrgTable extends Construct {
  readonly name: string;
  readonly arn: string;
  protected readonly table: Table;
  private readonly setting: TableSetting;

  /**
   * @param setting environment variable by which functions learn the name
   * @param createTable makes the table in this construct
   */
  constructor(scope: Construct, id: string, setting: TableSetting, createTable: (scope: Construct) => Table) {
    super(scope, id);
    this.setting = setting;
    this.table = createTable(this);
    this.name = this.table.tableName;
    this.arn = this.table.tableArn;
  }

  /** Lists and deletes all items of an org, or of one of its users or devices. */
  grantDestroy(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:DeleteItem', 'dynamodb:Query']);
  }

  protected grant(fn: VaultFunction, actions: string[], attributes?: readonly string[]): void {
    grantTable(fn, this.table, this.setting, actions, attributes);
  }
}
