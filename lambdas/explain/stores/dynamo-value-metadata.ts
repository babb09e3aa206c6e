import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { namePlaceholders, requireText, unmarshallItem } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import type { ValueMetadataStore } from '../explain-service.ts';
import type { ValueMetadata } from '../explain-value.ts';

/**
 * Reads whether a value exists, and its encrypted metadata. The role of the function does not permit reading more
 * (lib/values/value-table.ts, `grantLook`).
 */
export class DynamoValueMetadata implements ValueMetadataStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async find(org: string, name: string): Promise<ValueMetadata | undefined> {
    const item = await getItem(
      this.#clientOf(org),
      this.#table,
      { org, name },
      {
        ProjectionExpression: '#info',
        ExpressionAttributeNames: namePlaceholders('info'),
      },
    );
    return item === undefined ? undefined : { name, info: requireText(unmarshallItem(item), 'info') };
  }
}
