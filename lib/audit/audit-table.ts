import { AttributeType, ProjectionType, type Table } from 'aws-cdk-lib/aws-dynamodb';
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { auditMarkIndex, functionEnv, sealerProgressKey } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/** Every way to change or remove an item but PutItem, which a record needs, and which never stands over another in our code. */
const changingActions = [
  'dynamodb:BatchWriteItem',
  'dynamodb:DeleteItem',
  'dynamodb:PartiQLDelete',
  'dynamodb:PartiQLUpdate',
  'dynamodb:UpdateItem',
];

/**
 * Audit records by `org` and `id`, and the seals over them. Whoever may write here could still put one item over another,
 * or remove this table's policy: that is what the seals are for, which show it to whoever has the public key.
 */
export class AuditTable extends Construct {
  readonly name: string;
  private readonly table: Table;
  private readonly retentionDays: number;

  /** @param retentionDays days for which records are kept; 0 for ever */
  constructor(scope: Construct, id: string, retentionDays: number) {
    super(scope, id);
    this.retentionDays = retentionDays;
    this.table = orgPartitionedTable(this, {
      sortKey: 'id',
      recoverable: true,
      timeToLiveAttribute: 'ttl',
      resourcePolicy: new PolicyDocument({ statements: [denyChanges()] }),
    });
    // Sparse: few records carry a mark (lambdas/audit/audit-marker.ts).
    this.table.addGlobalSecondaryIndex({
      indexName: auditMarkIndex,
      partitionKey: { name: 'mark', type: AttributeType.STRING },
      projectionType: ProjectionType.KEYS_ONLY,
    });
    this.name = this.table.tableName;
  }

  /** Records of requests: every function that knows its callers leaves them, and this alone lets it do no more. */
  grantRecord(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:PutItem']);
    fn.set(functionEnv.auditRetentionDays, String(this.retentionDays));
  }

  /** Records and seals of an org. */
  grantRead(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:Query']);
  }

  /** Records of an org read and seals added; and, for no org, which orgs have new records and how far that was dealt with. */
  grantSeal(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:PutItem', 'dynamodb:Query']);
    fn.allow(
      new PolicyStatement({
        actions: ['dynamodb:Query'],
        resources: [`${this.table.tableArn}/index/${auditMarkIndex}`],
      }),
    );
    fn.allow(
      new PolicyStatement({
        actions: ['dynamodb:GetItem', 'dynamodb:PutItem'],
        resources: [this.table.tableArn],
        conditions: {
          'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [sealerProgressKey.org] },
          Null: { 'dynamodb:LeadingKeys': 'false' },
        },
      }),
    );
  }

  private grant(fn: VaultFunction, actions: string[]): void {
    grantTable(fn, this.table, functionEnv.auditTable, actions);
  }
}

const denyChanges = (): PolicyStatement =>
  new PolicyStatement({
    sid: 'DenyChanges',
    effect: Effect.DENY,
    actions: changingActions,
    principals: [new AnyPrincipal()],
    // In a table's own policy `*` is that table; its ARN does not exist yet when the policy is attached.
    resources: ['*'],
  });
