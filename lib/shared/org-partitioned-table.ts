import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table, type TableProps } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';

export interface OrgPartitionedTableProps extends Pick<TableProps, 'timeToLiveAttribute' | 'resourcePolicy'> {
  /** Name of the sort key, of which there is none unless told. */
  readonly sortKey?: string;
  /** Whether point-in-time recovery is on; where it is not, it is left out of the template rather than set to false. */
  readonly recoverable: boolean;
}

/**
 * A table of the vault: its partition key is the org, by which sessions are limited (table-grant.ts). It outlives the
 * stack, and can't be deleted by mistake.
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
