import type { PutItemInput } from '@aws-sdk/client-dynamodb';
import { toUserKeyringRecord, type UserKeyring, type UserTombstone } from '../../../core/users/user-keyring.ts';
import type { UserRef } from '../../../core/users/user-root-key.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import type { Page } from '../../shared/ports.ts';
import { writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { namePlaceholders, toItem, unmarshallKeyring } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem, idPrefixQuery, queryPage } from '../../shared/stores/dynamo-query.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { UserKeyringStore } from '../user-ports.ts';
import { userIdOfItem, userItemId, userItemIdPrefix } from './user-item-codec.ts';

/** Keyrings of users, one item each. Every change is conditional on the previous generation. */
export class DynamoUserKeyrings implements UserKeyringStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  create(keyring: UserKeyring): Promise<boolean> {
    return this.#put(keyring, {
      // The equality accepts the client's retry after a lost reply. No other keyring has this MAC.
      ConditionExpression: 'attribute_not_exists(#id) OR #mac = :mac',
      ExpressionAttributeNames: namePlaceholders('id', 'mac'),
      ExpressionAttributeValues: toItem({ ':mac': keyring.mac }),
    });
  }

  replace(next: UserKeyring | UserTombstone): Promise<boolean> {
    // The second half accepts the client's retry after a lost reply, when the new record is already stored.
    const [name, value] = next.state === 'active' ? ['mac', next.mac] : ['deletedAt', next.deletedAt];
    return this.#put(next, {
      ConditionExpression: `(#state = :active AND #generation = :before) OR (#generation = :next AND #${name} = :same)`,
      ExpressionAttributeNames: namePlaceholders('state', 'generation', name),
      ExpressionAttributeValues: toItem({
        ':active': 'active',
        ':before': next.generation - 1,
        ':next': next.generation,
        ':same': value,
      }),
    });
  }

  overwriteWithTombstone(deleted: UserTombstone, before: string | undefined): Promise<boolean> {
    const isTombstone = '#state = :deleted AND attribute_type(#deletedAt, :text)';
    const isReplaceable = `NOT (${isTombstone}) OR #deletedAt IN (:same, :before)`;
    return this.#put(deleted, {
      ConditionExpression: `attribute_exists(#id) AND (${isReplaceable})`,
      ExpressionAttributeNames: namePlaceholders('id', 'state', 'deletedAt'),
      ExpressionAttributeValues: toItem({
        ':deleted': 'deleted',
        ':text': 'S',
        ':same': deleted.deletedAt,
        ':before': before ?? deleted.deletedAt,
      }),
    });
  }

  async getRecord({ org, user }: UserRef): Promise<unknown> {
    const item = await getItem(this.#clientOf(org), this.#table, { org, id: userItemId(user) });
    return item === undefined ? undefined : unmarshallKeyring(item);
  }

  async list(org: string, after: string | undefined, limit: number): Promise<Page<{ user: string; record: unknown }>> {
    const query = idPrefixQuery(this.#table, org, userItemIdPrefix, after ?? '');
    const { items, more } = await queryPage(this.#clientOf(org), query, limit);
    return { items: items.map((item) => ({ user: userIdOfItem(item), record: unmarshallKeyring(item) })), more };
  }

  #put(stored: UserKeyring | UserTombstone, condition: object): Promise<boolean> {
    const Item = toItem({ id: userItemId(stored.user), ...toUserKeyringRecord(stored) });
    const input: PutItemInput = { TableName: this.#table, Item, ...condition };
    return writeConditionally(() => this.#clientOf(stored.org).putItem(input), writeOutcomeUnknownDetail);
  }
}
