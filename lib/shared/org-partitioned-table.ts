import { AttributeType, BillingMode, Table, type TableProps } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import { statefulRemoval } from './stateful-removal.ts';

export interface OrgPartitionedTableProps extends Pick<TableProps, 'timeToLiveAttribute' | 'resourcePolicy'> {
  /** Physical name. Default: CloudFormation generates it. */
  readonly name: string | undefined;
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
  { name, sortKey, recoverable, ...rest }: OrgPartitionedTableProps,
): Table =>
  new Table(scope, 'Table', {
    partitionKey: { name: 'org', type: AttributeType.STRING },
    ...(name !== undefined && { tableName: name }),
    ...(sortKey !== undefined && { sortKey: { name: sortKey, type: AttributeType.STRING } }),
    billingMode: BillingMode.PAY_PER_REQUEST,
    ...(recoverable && { pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true } }),
    deletionProtection: true,
    removalPolicy: statefulRemoval,
    ...rest,
  });
