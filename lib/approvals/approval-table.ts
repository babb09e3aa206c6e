import type { Construct } from 'constructs';
import { functionEnv } from '../../contract/shared/environment-variables.ts';
import { noBackupTable } from '../shared/no-backup-table.ts';
import { OrgTable } from '../shared/org-table.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * Questions to devices and their answers, by `org` and `id` (docs/approvals.md, section 5). Without backups, so that an
 * approval that was used does not come back. `ttl` (epoch seconds) removes all but the keys of devices.
 */
export class ApprovalTable extends OrgTable {
  /** @param name physical name; undefined lets CloudFormation generate it */
  constructor(scope: Construct, id: string, name: string | undefined) {
    super(scope, id, functionEnv.approvalTable, (table) =>
      noBackupTable(table, { name, sortKey: 'id', timeToLiveAttribute: 'ttl' }),
    );
  }

  /** Asks, and looks for answers. */
  grantAsk(fn: VaultFunction): void {
    this.grant(fn, [
      'dynamodb:BatchGetItem',
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:UpdateItem',
    ]);
  }

  /** Lists questions for a device, and stores its keys and answers. */
  grantAnswer(fn: VaultFunction): void {
    this.grant(fn, [
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
    ]);
  }
}
