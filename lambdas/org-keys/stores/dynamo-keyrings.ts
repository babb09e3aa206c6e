import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { VaultError } from '../../../contract/shared/vault-error.ts';
import type { Keyring } from '../../../core/org-keys/org-keyring.ts';
import { type Tombstone, toStoredRecord } from '../../../core/shredding/keyring-tombstone.ts';
import { namePlaceholders, toItem, unmarshallKeyring } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { KeyringStore, ShreddableKeyringStore } from '../keyring-ports.ts';

/** Keyrings, one item per org: every change is conditional on the generation before it. */
export class DynamoKeyrings implements KeyringStore, ShreddableKeyringStore {
  readonly #clientOf: (org: string) => DynamoDBClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoDBClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async create(keyring: Keyring): Promise<void> {
    const created = await this.#put(keyring, {
      // Equality lets the client's own retry of a lost reply pass: the record is this very one.
      ConditionExpression: 'attribute_not_exists(#org) OR #createdAt = :createdAt',
      ExpressionAttributeNames: namePlaceholders('org', 'createdAt'),
      ExpressionAttributeValues: toItem({ ':createdAt': keyring.createdAt }),
    });
    // 80 random bits met twice, or the generator is broken: either way nothing may be overwritten.
    if (!created) throw new VaultError('internal');
  }

  async getRaw(org: string): Promise<unknown> {
    const item = await getItem(this.#clientOf(org), this.#table, { org });
    return item === undefined ? undefined : unmarshallKeyring(item);
  }

  replace(keyring: Keyring): Promise<boolean> {
    return this.#put(keyring, {
      // A lock changes no generation, since who sets it can't make the MAC: whoever has not seen it must not remove it.
      ConditionExpression: '#generation = :before AND attribute_not_exists(#lock)',
      ExpressionAttributeNames: namePlaceholders('generation', 'lock'),
      ExpressionAttributeValues: toItem({ ':before': keyring.generation - 1 }),
    });
  }

  replaceIfUnchanged(next: Keyring | Tombstone, before: Keyring | Tombstone): Promise<boolean> {
    const lock = before.state === 'active' ? before.lock : undefined;
    return this.#put(next, {
      ConditionExpression:
        lock === undefined
          ? '#generation = :before AND attribute_not_exists(#lock)'
          : '#generation = :before AND #lock.#requestedAt = :requestedAt',
      ExpressionAttributeNames: namePlaceholders('generation', 'lock', ...(lock === undefined ? [] : ['requestedAt'])),
      ExpressionAttributeValues: toItem({ ':before': before.generation, ':requestedAt': lock?.requestedAt }),
    });
  }

  #put(stored: Keyring | Tombstone, condition: object): Promise<boolean> {
    const command = new PutItemCommand({ TableName: this.#table, Item: toItem(toStoredRecord(stored)), ...condition });
    return writeConditionally(() => this.#clientOf(stored.org).send(command));
  }
}
