import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { ValueFinder } from '../domain/explaining.ts';
import type { ListedValue } from '../domain/ports.ts';
import { notRead, orUnavailable } from './failures.ts';
import { listedOf, placeholders, toItem } from './items.ts';

/** Whether a value is there, and its sealed facts; the role of who asks may read no more of it (lib/value-table.ts, `grantFind`). */
export class DynamoValueFinder implements ValueFinder {
  readonly #clientOf: (org: string) => DynamoDBClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoDBClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async find(org: string, name: string): Promise<ListedValue | undefined> {
    const command = new GetItemCommand({
      TableName: this.#table,
      Key: toItem({ org, name }),
      ProjectionExpression: '#org, #name, #version, #info',
      ExpressionAttributeNames: placeholders('org', 'name', 'version', 'info'),
      ConsistentRead: true,
    });
    const { Item } = await orUnavailable(notRead, () => this.#clientOf(org).send(command));
    return Item === undefined ? undefined : listedOf(Item);
  }
}
