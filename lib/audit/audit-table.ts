import { AttributeType, ProjectionType, type Table } from 'aws-cdk-lib/aws-dynamodb';
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { auditMarkIndex, functionEnv, sealerProgressKey } from '../../contract/shared/environment-variables.ts';
import { orgPartitionedTable } from '../shared/org-partitioned-table.ts';
import { grantTable } from '../shared/table-grant.ts';
import type { VaultFunction } from '../shared/vault-function.ts';

/**
 * All actions that change or remove an item, except PutItem, which creates records. Our code never overwrites an item
 * with it.
 */
const changingActions = [
  'dynamodb:BatchWriteItem',
  'dynamodb:DeleteItem',
  'dynamodb:PartiQLDelete',
  'dynamodb:PartiQLUpdate',
  'dynamodb:UpdateItem',
];

/**
 * Audit records by `org` and `id`. A principal with write permission could still overwrite an item with PutItem or
 * remove the table's policy. The seals make this detectable with the public key. They are in the locked bucket
 * (shared/locked-bucket.ts), because that principal must not be able to change them too.
 */
export class AuditTable extends Construct {
  readonly name: string;
  private readonly table: Table;
  private readonly retentionDays: number;

  /**
   * @param name physical name; undefined lets CloudFormation generate it
   * @param retentionDays how many days records are kept; 0 means forever
   */
  constructor(scope: Construct, id: string, name: string | undefined, retentionDays: number) {
    super(scope, id);
    this.retentionDays = retentionDays;
    this.table = orgPartitionedTable(this, {
      name,
      sortKey: 'id',
      recoverable: true,
      timeToLiveAttribute: 'ttl',
      resourcePolicy: new PolicyDocument({ statements: [denyChanges()] }),
    });
    // The index is sparse, because only few records have a mark (lambdas/audit/audit-marker.ts).
    this.table.addGlobalSecondaryIndex({
      indexName: auditMarkIndex,
      partitionKey: { name: 'mark', type: AttributeType.STRING },
      projectionType: ProjectionType.KEYS_ONLY,
    });
    this.name = this.table.tableName;
  }

  /**
   * Adds records of requests. Every function that authenticates callers but the relay has this permission, which
   * allows nothing more.
   */
  grantRecord(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:PutItem']);
    fn.set(functionEnv.auditRetentionDays, String(this.retentionDays));
  }

  /** Reads records of an org. */
  grantRead(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:Query']);
  }

  /**
   * Reads the records of an org. Across orgs, reads which orgs have new records and updates the progress.
   */
  grantSeal(fn: VaultFunction): void {
    this.grant(fn, ['dynamodb:Query']);
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
    // In the resource policy of a table, `*` is this table. Its ARN does not exist yet when the policy is attached.
    resources: ['*'],
  });
