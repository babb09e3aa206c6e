import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { VaultError } from '../../contract/vault-error.ts';
import { type Keyring, keyringRecord } from '../../core/keyring.ts';
import type { KeyringStore } from '../domain/ports.ts';
import { held } from './conditions.ts';
import { placeholders, toItem } from './items.ts';

/** Keyrings, one item per org: every change is conditional on the generation before it. */
export class DynamoKeyrings implements KeyringStore {
  readonly #client: DynamoDBClient;
  readonly #table: string;

  constructor(client: DynamoDBClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async create(keyring: Keyring): Promise<void> {
    const created = await this.#put(keyring, {
      // Equality lets the client's own retry of a lost reply pass: the record is this very one.
      ConditionExpression: 'attribute_not_exists(#org) OR #createdAt = :createdAt',
      ExpressionAttributeNames: placeholders('org', 'createdAt'),
      ExpressionAttributeValues: toItem({ ':createdAt': keyring.createdAt }),
    });
    // 80 random bits met twice, or the generator is broken: either way nothing may be overwritten.
    if (!created) throw new VaultError('internal');
  }

  replace(keyring: Keyring): Promise<boolean> {
    return this.#put(keyring, {
      ConditionExpression: '#generation = :before',
      ExpressionAttributeNames: placeholders('generation'),
      ExpressionAttributeValues: toItem({ ':before': keyring.generation - 1 }),
    });
  }

  #put(keyring: Keyring, condition: object): Promise<boolean> {
    const command = new PutItemCommand({ TableName: this.#table, Item: toItem(keyringRecord(keyring)), ...condition });
    return held(() => this.#client.send(command));
  }
}
