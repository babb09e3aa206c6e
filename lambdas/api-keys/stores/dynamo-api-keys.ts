import type { PutItemInput, UpdateItemInput } from '@aws-sdk/client-dynamodb';
import { toTtlSeconds } from '../../../core/encoding/ttl-seconds.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import type { Page } from '../../shared/ports.ts';
import { mapTransientErrors, valueWriteOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem, queryPage } from '../../shared/stores/dynamo-query.ts';
import { isConditionFailure, writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { ApiKeyStore, LastUsedStore, ListedApiKey, StoredApiKey } from '../api-key-ports.ts';
import { parseListedApiKey, parseStoredApiKey } from './api-key-item-codec.ts';

/** How long the record of a key of a login is kept after the key has expired, seconds. Its use is then told apart. */
const expiredKeySeconds = 86_400;

/** When DynamoDB removes the record, in seconds since 1970. Keys that people created stay in the list. */
const removalTimeOf = ({ origin, expiresAt }: StoredApiKey): number | undefined =>
  origin === undefined || expiresAt === undefined ? undefined : toTtlSeconds(expiresAt) + expiredKeySeconds;

/** API keys in DynamoDB. Only the hash of a secret is stored. */
export class DynamoApiKeys implements ApiKeyStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async create(key: StoredApiKey): Promise<void> {
    const input: PutItemInput = {
      TableName: this.#table,
      Item: toItem({ ...key, ttl: removalTimeOf(key) }),
      // The hash comparison lets the client's retry after a lost reply succeed. A different key with the same ID is never
      // overwritten.
      ConditionExpression: 'attribute_not_exists(#id) OR #hash = :hash',
      ExpressionAttributeNames: namePlaceholders('id', 'hash'),
      ExpressionAttributeValues: toItem({ ':hash': key.hash }),
    };
    await mapTransientErrors('No API key was returned. The list may contain a new key that nobody has.', () =>
      this.#clientOf(key.org).putItem(input),
    );
  }

  async get(org: string, id: string): Promise<StoredApiKey | undefined> {
    const item = await getItem(this.#clientOf(org), this.#table, { org, id });
    return item === undefined ? undefined : parseStoredApiKey(item);
  }

  async list(org: string, after: string | undefined, limit: number): Promise<Page<ListedApiKey>> {
    const query = {
      TableName: this.#table,
      KeyConditionExpression: '#org = :org',
      ExpressionAttributeNames: namePlaceholders('org'),
      ExpressionAttributeValues: toItem({ ':org': org }),
      ...(after === undefined ? {} : { ExclusiveStartKey: toItem({ org, id: after }) }),
    };
    const { items, more } = await queryPage(this.#clientOf(org), query, limit);
    return { items: items.map(parseListedApiKey), more };
  }

  async endOverlap(org: string, id: string, at: string): Promise<string | undefined> {
    const ended = await this.#update(org, id, at, 'overlapEndsAt', {
      UpdateExpression: 'SET #overlapEndsAt = :at',
      ConditionExpression: 'attribute_exists(#id) AND (attribute_not_exists(#overlapEndsAt) OR #overlapEndsAt > :at)',
      ExpressionAttributeNames: namePlaceholders('overlapEndsAt', 'id'),
    });
    return ended ?? (await this.get(org, id))?.overlapEndsAt;
  }

  revoke(org: string, id: string, at: string): Promise<string | undefined> {
    return this.#update(org, id, at, 'revokedAt', {
      UpdateExpression: 'SET #revokedAt = if_not_exists(#revokedAt, :at)',
      ConditionExpression: 'attribute_exists(#id)',
      ExpressionAttributeNames: namePlaceholders('revokedAt', 'id'),
    });
  }

  /** Returns the updated time, or undefined if the condition failed. */
  async #update(
    org: string,
    id: string,
    at: string,
    attribute: 'overlapEndsAt' | 'revokedAt',
    expressions: object,
  ): Promise<string | undefined> {
    const input: UpdateItemInput = {
      TableName: this.#table,
      Key: toItem({ org, id }),
      ...expressions,
      ExpressionAttributeValues: toItem({ ':at': at }),
      ReturnValues: 'UPDATED_NEW',
    };
    try {
      const { Attributes } = await mapTransientErrors(valueWriteOutcomeUnknownDetail, () =>
        this.#clientOf(org).updateItem(input),
      );
      return Attributes?.[attribute]?.S ?? at;
    } catch (error) {
      if (isConditionFailure(error)) return undefined;
      throw error;
    }
  }
}

/**
 * Records the last use of API keys. Its IAM policy lets it write no other attribute (lib/api-keys/api-key-table.ts,
 * `grantTouch`).
 */
export class DynamoLastUsed implements LastUsedStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async recordHour(org: string, id: string, hour: string): Promise<void> {
    const input: UpdateItemInput = {
      TableName: this.#table,
      Key: toItem({ org, id }),
      UpdateExpression: 'SET #lastUsedAt = :hour',
      // Every function that sees the key in this hour may try. Only the first write succeeds, and a delayed write never
      // moves the hour back.
      ConditionExpression: 'attribute_exists(#id) AND (attribute_not_exists(#lastUsedAt) OR #lastUsedAt < :hour)',
      ExpressionAttributeNames: namePlaceholders('lastUsedAt', 'id'),
      ExpressionAttributeValues: toItem({ ':hour': hour }),
    };
    await writeConditionally(() => this.#clientOf(org).updateItem(input));
  }
}
