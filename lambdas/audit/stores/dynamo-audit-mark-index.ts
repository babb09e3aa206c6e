import { type AttributeValue, type DynamoDBClient, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { auditMarkIndex, sealerProgressKey } from '../../../contract/shared/environment-variables.ts';
import { mapTransientErrors, nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import { namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { AuditMarkIndex } from '../audit-ports.ts';

/**
 * Marks in a sparse index of the audit table; the sealer's progress is a separate item of that table. This is the only
 * store that accesses more than one org, with the function's own role. It reads org IDs and no other data of the orgs.
 */
export class DynamoAuditMarkIndex implements AuditMarkIndex {
  readonly #client: DynamoDBClient;
  readonly #table: string;

  constructor(client: DynamoDBClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async listOrgs(mark: string): Promise<readonly string[]> {
    const query = {
      TableName: this.#table,
      IndexName: auditMarkIndex,
      KeyConditionExpression: '#mark = :mark',
      ExpressionAttributeNames: namePlaceholders('mark', 'org'),
      ExpressionAttributeValues: toItem({ ':mark': mark }),
      ProjectionExpression: '#org',
    };
    const orgs = new Set<string>();
    let start: Record<string, AttributeValue> | undefined;
    do {
      const command = new QueryCommand({ ...query, ExclusiveStartKey: start });
      const { Items = [], LastEvaluatedKey } = await mapTransientErrors(nothingReadDetail, () =>
        this.#client.send(command),
      );
      for (const { org } of Items) if (org?.S !== undefined) orgs.add(org.S);
      start = LastEvaluatedKey;
    } while (start !== undefined);
    return [...orgs];
  }

  async getProgress(): Promise<number | undefined> {
    const item = await getItem(this.#client, this.#table, sealerProgressKey);
    const until = Number(item?.until?.N);
    return Number.isSafeInteger(until) ? until : undefined;
  }

  async advanceProgress(time: number): Promise<void> {
    const command = new PutItemCommand({
      TableName: this.#table,
      Item: toItem({ ...sealerProgressKey, until: time }),
      // Another run may have advanced it further.
      ConditionExpression: 'attribute_not_exists(#until) OR #until < :until',
      ExpressionAttributeNames: namePlaceholders('until'),
      ExpressionAttributeValues: toItem({ ':until': time }),
    });
    await writeConditionally(() => this.#client.send(command));
  }
}
