import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table, type TableProps } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';

export interface OrgPartitionedTableProps extends Pick<TableProps, 'timeToLiveAttribute' | 'resourcePolicy'> {
  /** Name of the sort key. Default: no sort key. */
  readonly sortKey?: string;
  /**
   * Whether point-in-time recovery is on. If false, the property is omitted from the template instead of set to false.
   */
  readonly recoverable: boolean;
}

/**
 * A table with the org as partition key, to which policies limit sessions (table-grant.ts). It is retained when the
 * stack is deleted and has deletion protection.
 */
export const orgPartitionedTable = (
  scope: Construct,
  { sortKey, recoverable, ...rest }: OrgPartitionedTableProps,
): Table =>
  new Table(scope, 'Table', {
    partitionKey: { name: 'org', type: AttributeType.STRING },
    ...(sortKey !== undefined && { sortKey: { name: sortKey, type: AttributeType.STRING } }),
    billingMode: BillingMode.PAY_PER_REQUEST,
    ...(recoverable && { pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true } }),
    deletionProtection: true,
    removalPolicy: RemovalPolicy.RETAIN,
    ...rest,
  });
