/**
 * Values that requests create. The role of the function permits no other access to the table of values
 * (lib/values/value-table.ts, `grantCreate`).
 */
import type { PutItemInput } from '@aws-sdk/client-dynamodb';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import type { StoredVersion } from '../../shared/ports.ts';
import { namePlaceholders, toItem, unmarshallReadable } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { RequestedValueStore } from '../secret-request-ports.ts';

const toSeconds = (now: Date): number => Math.floor(now.getTime() / 1000);

export class DynamoRequestedValues implements RequestedValueStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async isTaken(org: string, name: string, now: Date): Promise<boolean> {
    const projection = {
      ProjectionExpression: '#name, #ttl',
      ExpressionAttributeNames: namePlaceholders('name', 'ttl'),
    };
    const item = await getItem(this.#clientOf(org), this.#table, { org, name }, projection);
    if (item === undefined) return false;
    const { ttl } = unmarshallReadable(item);
    return !(typeof ttl === 'number' && ttl <= toSeconds(now));
  }

  put(org: string, name: string, version: StoredVersion, replace: boolean, now: Date): Promise<boolean> {
    const condition = {
      // The write id is that of the request: the repetition of an interrupted answer replaces its own write.
      ConditionExpression: 'attribute_not_exists(#name) OR #ttl <= :now OR #writeId = :writeId',
      ExpressionAttributeNames: namePlaceholders('name', 'ttl', 'writeId'),
      ExpressionAttributeValues: toItem({ ':now': toSeconds(now), ':writeId': version.writeId }),
    };
    const input: PutItemInput = {
      TableName: this.#table,
      Item: toItem({ org, name, ...version }),
      ...(replace ? {} : condition),
    };
    return writeConditionally(() => this.#clientOf(org).putItem(input));
  }
}
