import type { QueryInput } from '@aws-sdk/client-dynamodb';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { mapTransientErrors, nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import { namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import type { ActivityPage, ActivityReader } from '../audit-ports.ts';
import { parseStoredAuditRecord } from './audit-item-codec.ts';

/** Reads the audit for people who allow uses of values. Items that are no records are left out. */
export class DynamoActivity implements ActivityReader {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async listActivity(
    org: string,
    { from, to }: { readonly from: string; readonly to: string },
    order: 'newest' | 'oldest',
    limit: number,
  ): Promise<ActivityPage> {
    const input: QueryInput = {
      TableName: this.#table,
      KeyConditionExpression: '#org = :org AND #id BETWEEN :from AND :to',
      // Saves the transfer of records that concern nobody; they are read all the same.
      FilterExpression: 'attribute_exists(#approval) OR attribute_exists(#tripwires)',
      ExpressionAttributeNames: namePlaceholders('org', 'id', 'approval', 'tripwires'),
      ExpressionAttributeValues: toItem({ ':org': org, ':from': from, ':to': to }),
      ScanIndexForward: order === 'oldest',
      ConsistentRead: true,
      Limit: limit,
    };
    const { Items = [], LastEvaluatedKey } = await mapTransientErrors(nothingReadDetail, () =>
      this.#clientOf(org).query(input),
    );
    return { items: Items.flatMap((item) => parseStoredAuditRecord(item) ?? []), lastRead: LastEvaluatedKey?.id?.S };
  }
}
