import { type DynamoDBClient, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { DecryptionError } from '../../../core/decryption-error.ts';
import type { Page, StoredValue, StoredVersion } from '../../shared/ports.ts';
import { notRead, orUnavailable } from '../../shared/stores/aws-error-mapping.ts';
import { held } from '../../shared/stores/dynamo-conditions.ts';
import { type Item, placeholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import { storedValueOf } from '../../shared/stores/value-item-codec.ts';
import type { SweepStore, SweptValue } from '../rotation-ports.ts';

/** All values of an org, for a rotation. */
export class DynamoSweep implements SweepStore {
  readonly #clientOf: (org: string) => DynamoDBClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoDBClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async sweep(org: string, after: string | undefined, limit: number): Promise<Page<SweptValue>> {
    const command = new QueryCommand({ ...this.#query(org, after), Limit: limit });
    const { Items = [], LastEvaluatedKey } = await orUnavailable(notRead, () => this.#clientOf(org).send(command));
    return { items: Items.map(sweptValueOf), more: LastEvaluatedKey !== undefined };
  }

  async get(org: string, name: string): Promise<StoredValue | undefined> {
    const item = await getItem(this.#clientOf(org), this.#table, { org, name });
    return item === undefined ? undefined : sweptValueOf(item).stored;
  }

  async countFrom(org: string, after: string | undefined): Promise<{ count: number; last: string | undefined }> {
    const command = new QueryCommand({ ...this.#query(org, after), Select: 'COUNT' });
    const { Count = 0, LastEvaluatedKey } = await orUnavailable(notRead, () => this.#clientOf(org).send(command));
    return { count: Count, last: LastEvaluatedKey?.name?.S };
  }

  reseal(org: string, { name, value, info, history }: StoredValue, before: StoredVersion): Promise<boolean> {
    // Only the sealed strings: what else an item holds stays. A condition on `info` also keeps a deleted item deleted.
    const command = new UpdateItemCommand({
      TableName: this.#table,
      Key: toItem({ org, name }),
      UpdateExpression: 'SET #value = :value, #info = :info, #history = :history',
      // The second lets the client's own retry of a lost reply pass: it is this very sealing.
      ConditionExpression: '#info = :before OR #info = :info',
      ExpressionAttributeNames: placeholders('value', 'info', 'history'),
      ExpressionAttributeValues: toItem({
        ':value': value,
        ':info': info,
        ':history': history,
        ':before': before.info,
      }),
    });
    return held(() => this.#clientOf(org).send(command));
  }

  #query(org: string, after: string | undefined) {
    return {
      TableName: this.#table,
      ConsistentRead: true,
      KeyConditionExpression: '#org = :org',
      ExpressionAttributeNames: placeholders('org'),
      ExpressionAttributeValues: toItem({ ':org': org }),
      ...(after === undefined ? {} : { ExclusiveStartKey: toItem({ org, name: after }) }),
    };
  }
}

function sweptValueOf(item: Item): SweptValue {
  const name = item.name?.S ?? '';
  try {
    return { name, stored: storedValueOf(item) };
  } catch (error) {
    if (error instanceof DecryptionError) return { name, stored: undefined };
    throw error;
  }
}
