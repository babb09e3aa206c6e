import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { namePlaceholders } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import { parseValueSummary } from '../../values/stores/dynamo-values.ts';
import type { StoredValueSummary } from '../../values/value-ports.ts';
import type { ValueMetadataStore } from '../explain-service.ts';

/**
 * Reads whether a value exists, and its encrypted metadata. The role of the function does not permit reading more
 * (lib/values/value-table.ts, `grantLook`).
 */
export class DynamoValueMetadata implements ValueMetadataStore {
  readonly #clientOf: (org: string) => DynamoDBClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoDBClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async find(org: string, name: string): Promise<StoredValueSummary | undefined> {
    const item = await getItem(
      this.#clientOf(org),
      this.#table,
      { org, name },
      {
        ProjectionExpression: '#org, #name, #version, #info',
        ExpressionAttributeNames: namePlaceholders('org', 'name', 'version', 'info'),
      },
    );
    return item === undefined ? undefined : parseValueSummary(item);
  }
}
