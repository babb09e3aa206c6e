import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { ApiKeyStore, Page, StoredApiKey } from '../domain/ports.ts';
import { orUnavailable, unknownOutcome } from './failures.ts';
import { apiKeyOf, placeholders, toItem } from './items.ts';
import { queryPage } from './queries.ts';

/** API keys: of a secret, only its hash is here. */
export class DynamoApiKeys implements ApiKeyStore {
  readonly #client: DynamoDBClient;
  readonly #table: string;

  constructor(client: DynamoDBClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async create(key: StoredApiKey): Promise<void> {
    const command = new PutItemCommand({
      TableName: this.#table,
      Item: toItem({ ...key }),
      // Equality lets the client's own retry of a lost reply pass; another key of that id is never overwritten.
      ConditionExpression: 'attribute_not_exists(#id) OR #hash = :hash',
      ExpressionAttributeNames: placeholders('id', 'hash'),
      ExpressionAttributeValues: toItem({ ':hash': key.hash }),
    });
    await orUnavailable('No API key was shown; one without a holder may stand in the list.', () =>
      this.#client.send(command),
    );
  }

  async list(org: string, after: string | undefined, limit: number): Promise<Page<StoredApiKey>> {
    const query = {
      TableName: this.#table,
      KeyConditionExpression: '#org = :org',
      ExpressionAttributeNames: placeholders('org'),
      ExpressionAttributeValues: toItem({ ':org': org }),
      ...(after === undefined ? {} : { ExclusiveStartKey: toItem({ org, id: after }) }),
    };
    const { items, more } = await queryPage(this.#client, query, limit);
    return { items: items.map(apiKeyOf), more };
  }

  async revoke(org: string, id: string, at: string): Promise<StoredApiKey | undefined> {
    const command = new UpdateItemCommand({
      TableName: this.#table,
      Key: toItem({ org, id }),
      UpdateExpression: 'SET #revokedAt = if_not_exists(#revokedAt, :at)',
      ConditionExpression: 'attribute_exists(#id)',
      ExpressionAttributeNames: placeholders('revokedAt', 'id'),
      ExpressionAttributeValues: toItem({ ':at': at }),
      ReturnValues: 'ALL_NEW',
    });
    try {
      const { Attributes } = await orUnavailable(unknownOutcome, () => this.#client.send(command));
      return Attributes === undefined ? undefined : apiKeyOf(Attributes);
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined;
      throw error;
    }
  }
}
