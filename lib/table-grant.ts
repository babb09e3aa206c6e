import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { functionEnv } from '../contract/environment.ts';
import type { VaultFunction } from './vault-function.ts';

type TableSetting = (typeof functionEnv)['keyringTable' | 'apiKeyTable' | 'valueTable'];

/** Gives a function these actions on a table and tells it the table's name, so that neither is without the other. */
export const grantTable = (fn: VaultFunction, table: Table, setting: TableSetting, actions: string[]): void => {
  fn.allow(new PolicyStatement({ actions, resources: [table.tableArn] }));
  fn.set(setting, table.tableName);
};
