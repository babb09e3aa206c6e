/**
 * Logins, and the identities that were used, in DynamoDB (docs/workload-identity.md, section 2). The prefixes keep the
 * kinds of items apart.
 */

import type { DeleteItemInput, PutItemInput } from '@aws-sdk/client-dynamodb';
import { toTtlSeconds } from '../../../core/encoding/ttl-seconds.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import type { Page } from '../../shared/ports.ts';
import { mapTransientErrors, writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { type Item, namePlaceholders, toItem, unmarshallReadable } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem, idPrefixQuery, queryPage } from '../../shared/stores/dynamo-query.ts';
import { setIfAbsent } from '../../shared/stores/write-conditionally.ts';
import type { LoginStore, StoredLogin, UsedIdentityStore } from '../login-ports.ts';

const loginPrefix = 'login/';
const usedPrefix = 'used/';

/** Id of the item of a counter of attempts. */
export const attemptItemId = (counter: string): string => `attempts/${counter}`;

type LoginRecord = NonNullable<StoredLogin['record']>;

export class DynamoLogins implements LoginStore, UsedIdentityStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async create(org: string, id: string, { login, mac }: LoginRecord): Promise<void> {
    const input: PutItemInput = {
      TableName: this.#table,
      Item: toItem({ org, id: loginPrefix + id, login, mac }),
      // The comparison lets the client's retry after a lost reply succeed.
      ConditionExpression: 'attribute_not_exists(#id) OR #mac = :mac',
      ExpressionAttributeNames: namePlaceholders('id', 'mac'),
      ExpressionAttributeValues: toItem({ ':mac': mac }),
    };
    await mapTransientErrors('The list may contain a new login.', () => this.#clientOf(org).putItem(input));
  }

  async get(org: string, id: string): Promise<StoredLogin | undefined> {
    const item = await getItem(this.#clientOf(org), this.#table, { org, id: loginPrefix + id });
    return item === undefined ? undefined : parseStoredLogin(item);
  }

  async list(org: string, after: string | undefined, limit: number): Promise<Page<StoredLogin>> {
    const query = idPrefixQuery(this.#table, org, loginPrefix, after ?? '');
    const { items, more } = await queryPage(this.#clientOf(org), query, limit);
    return { items: items.map(parseStoredLogin), more };
  }

  async delete(org: string, id: string): Promise<boolean> {
    const input: DeleteItemInput = {
      TableName: this.#table,
      Key: toItem({ org, id: loginPrefix + id }),
      ReturnValues: 'ALL_OLD',
    };
    const { Attributes } = await mapTransientErrors(writeOutcomeUnknownDetail, () =>
      this.#clientOf(org).deleteItem(input),
    );
    return Attributes !== undefined;
  }

  /** One write, which sets only a missing attribute and returns the result. A retry of the client changes nothing. */
  async claim(org: string, id: string, by: string, until: string): Promise<boolean> {
    const key = { TableName: this.#table, Key: toItem({ org, id: usedPrefix + id }) };
    // The role of the function permits it to get no other attributes (lib/logins/login-table.ts).
    const place = { ...key, ReturnValues: 'UPDATED_NEW' } as const;
    const item = await setIfAbsent(this.#clientOf(org), place, { by, ttl: toTtlSeconds(until) });
    return unmarshallReadable(item).by === by;
  }
}

/** The key schema of the table guarantees the id. */
function parseStoredLogin(item: Item): StoredLogin {
  const { login, mac } = unmarshallReadable(item);
  const id = (item.id?.S ?? '').slice(loginPrefix.length);
  return { id, record: typeof login === 'string' && typeof mac === 'string' ? { login, mac } : undefined };
}
