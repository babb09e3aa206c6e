import type { DeleteItemInput, PutItemInput, UpdateItemInput } from '@aws-sdk/client-dynamodb';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import { toTtlSeconds } from '../../../core/encoding/ttl-seconds.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { mapTransientErrors, writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { namePlaceholders, parsedOrNone, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem, idPrefixQuery, queryPage } from '../../shared/stores/dynamo-query.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { PairingPlace, PairingStore, StoredPairing } from '../device-ports.ts';
import { otherIdPrefix, pairingId, parsePairingItem } from './device-item-codec.ts';

const listLimit = 100;

/** Pairings, one item each. The table removes them after their end. */
export class DynamoPairings implements PairingStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async get(scope: VaultScope, pairing: string): Promise<StoredPairing | undefined> {
    const { org } = scope;
    const item = await getItem(this.#clientOf(org), this.#table, { org, id: pairingId(scope, pairing) });
    return item === undefined ? undefined : parsePairingItem(item);
  }

  async list(scope: VaultScope): Promise<readonly StoredPairing[]> {
    const query = idPrefixQuery(this.#table, scope.org, `${otherIdPrefix(scope, 'pairing')}/`);
    const { items } = await queryPage(this.#clientOf(scope.org), query, listLimit);
    // A damaged one must not keep the user from the others.
    return items.flatMap((item) => parsedOrNone(item, parsePairingItem));
  }

  create(scope: VaultScope, { pairing, expiresAt, messages }: StoredPairing): Promise<boolean> {
    const { org } = scope;
    const ttl = toTtlSeconds(expiresAt);
    const input: PutItemInput = {
      TableName: this.#table,
      Item: toItem({ org, id: pairingId(scope, pairing), expiresAt, ttl, ...messages }),
      ConditionExpression: 'attribute_not_exists(#id)',
      ExpressionAttributeNames: namePlaceholders('id'),
    };
    return writeConditionally(() => this.#clientOf(org).putItem(input), writeOutcomeUnknownDetail);
  }

  add(scope: VaultScope, pairing: string, place: PairingPlace, message: Uint8Array): Promise<boolean> {
    const { org } = scope;
    const input: UpdateItemInput = {
      TableName: this.#table,
      Key: toItem({ org, id: pairingId(scope, pairing) }),
      UpdateExpression: 'SET #place = :message',
      // A message of another type is read as none.
      ConditionExpression:
        'attribute_exists(#id) AND (attribute_not_exists(#place) OR NOT attribute_type(#place, :binary))',
      ExpressionAttributeNames: { '#id': 'id', '#place': place },
      ExpressionAttributeValues: toItem({ ':message': message, ':binary': 'B' }),
    };
    return writeConditionally(() => this.#clientOf(org).updateItem(input), writeOutcomeUnknownDetail);
  }

  async delete(scope: VaultScope, pairing: string): Promise<boolean> {
    const { org } = scope;
    const input: DeleteItemInput = {
      TableName: this.#table,
      Key: toItem({ org, id: pairingId(scope, pairing) }),
      ReturnValues: 'ALL_OLD',
    };
    const { Attributes } = await mapTransientErrors(writeOutcomeUnknownDetail, () =>
      this.#clientOf(org).deleteItem(input),
    );
    return Attributes !== undefined;
  }
}
