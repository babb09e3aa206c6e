import { type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { auditMarkIndex, sealerProgressKey } from '../../../contract/shared/environment-variables.ts';
import { mapTransientErrors, nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import { namePlaceholders } from '../../shared/stores/dynamo-item-codec.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { AuditMarkIndex } from '../audit-ports.ts';

/**
 * Marks in a sparse index of the audit table; the sealer's progress is a separate item of that table. This is the only
 * store that accesses more than one org, with the function's own role. It reads org IDs and no other data of the orgs.
 * It uses the AWS SDK, because only the scheduled run of the sealer uses it.
 */
export class DynamoAuditMarkIndex implements AuditMarkIndex {
  readonly #client: DynamoDBDocumentClient;
  readonly #table: string;

  constructor(client: DynamoDBDocumentClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async listOrgs(mark: string): Promise<readonly string[]> {
    const query = {
      TableName: this.#table,
      IndexName: auditMarkIndex,
      KeyConditionExpression: '#mark = :mark',
      ExpressionAttributeNames: namePlaceholders('mark', 'org'),
      ExpressionAttributeValues: { ':mark': mark },
      ProjectionExpression: '#org',
    };
    const orgs = new Set<string>();
    let start: Record<string, unknown> | undefined;
    do {
      const command = new QueryCommand({ ...query, ExclusiveStartKey: start });
      const { Items = [], LastEvaluatedKey } = await mapTransientErrors(nothingReadDetail, () =>
        this.#client.send(command),
      );
      for (const { org } of Items) if (typeof org === 'string') orgs.add(org);
      start = LastEvaluatedKey;
    } while (start !== undefined);
    return [...orgs];
  }

  async getProgress(): Promise<number | undefined> {
    const command = new GetCommand({ TableName: this.#table, Key: sealerProgressKey, ConsistentRead: true });
    const { Item } = await mapTransientErrors(nothingReadDetail, () => this.#client.send(command));
    const until = Number(Item?.until);
    return Number.isSafeInteger(until) ? until : undefined;
  }

  async advanceProgress(time: number, now: number): Promise<void> {
    const command = new PutCommand({
      TableName: this.#table,
      Item: { ...sealerProgressKey, until: time },
      // Another run may have advanced it further, but not into the future. Comparisons with another type are false.
      ConditionExpression: 'NOT (#until >= :until AND #until <= :now)',
      ExpressionAttributeNames: namePlaceholders('until'),
      ExpressionAttributeValues: { ':until': time, ':now': now },
    });
    await writeConditionally(() => this.#client.send(command));
  }
}
