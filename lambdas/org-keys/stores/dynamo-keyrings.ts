import type { PutItemInput } from '@aws-sdk/client-dynamodb';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import type { Keyring } from '../../../core/org-keys/org-keyring.ts';
import { type Tombstone, toStoredRecord } from '../../../core/shredding/keyring-tombstone.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { namePlaceholders, toItem, unmarshallKeyring } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { KeyringStore, ShreddableKeyringStore } from '../keyring-ports.ts';

const ifGeneration = (generation: number) => ({
  ConditionExpression: '#generation = :before',
  ExpressionAttributeNames: namePlaceholders('generation'),
  ExpressionAttributeValues: toItem({ ':before': generation }),
});

/** Keyrings in DynamoDB, one item per org. Every change is conditional on the preceding generation. */
export class DynamoKeyrings implements KeyringStore, ShreddableKeyringStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async create(keyring: Keyring): Promise<void> {
    const created = await this.#put(keyring, {
      // The comparison lets the client's retry after a lost reply succeed: then the stored record is the one being
      // created.
      ConditionExpression: 'attribute_not_exists(#org) OR #createdAt = :createdAt',
      ExpressionAttributeNames: namePlaceholders('org', 'createdAt'),
      ExpressionAttributeValues: toItem({ ':createdAt': keyring.createdAt }),
    });
    // Either 80 random bits collided or the random generator is broken. In both cases nothing may be overwritten.
    if (!created) throw new VaultError('internal');
  }

  async getRaw(org: string): Promise<unknown> {
    const item = await getItem(this.#clientOf(org), this.#table, { org });
    return item === undefined ? undefined : unmarshallKeyring(item);
  }

  replace(keyring: Keyring): Promise<boolean> {
    return this.#put(keyring, ifGeneration(keyring.generation - 1));
  }

  replaceIfUnchanged(next: Keyring | Tombstone, before: Keyring | Tombstone): Promise<boolean> {
    return this.#put(next, ifGeneration(before.generation));
  }

  #put(stored: Keyring | Tombstone, condition: object): Promise<boolean> {
    const input: PutItemInput = { TableName: this.#table, Item: toItem(toStoredRecord(stored)), ...condition };
    return writeConditionally(() => this.#clientOf(stored.org).putItem(input));
  }
}
