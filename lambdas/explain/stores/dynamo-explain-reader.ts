import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { placeholders } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import { listedOf } from '../../values/stores/dynamo-values.ts';
import type { ListedValue } from '../../values/value-ports.ts';
import type { ValueFinder } from '../explain-service.ts';

/** Whether a value is there, and its sealed facts; the role of who asks may read no more of it (lib/value-table.ts, `grantFind`). */
export class DynamoValueFinder implements ValueFinder {
  readonly #clientOf: (org: string) => DynamoDBClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoDBClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async find(org: string, name: string): Promise<ListedValue | undefined> {
    const item = await getItem(
      this.#clientOf(org),
      this.#table,
      { org, name },
      {
        ProjectionExpression: '#org, #name, #version, #info',
        ExpressionAttributeNames: placeholders('org', 'name', 'version', 'info'),
      },
    );
    return item === undefined ? undefined : listedOf(item);
  }
}
