import type { DeleteItemInput, PutItemInput, QueryInput, UpdateItemInput } from '@aws-sdk/client-dynamodb';
import type { UserRef } from '../../../core/users/user-root-key.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import type { Page } from '../../shared/ports.ts';
import {
  mapTransientErrors,
  nothingReadDetail,
  valueWriteOutcomeUnknownDetail,
} from '../../shared/stores/aws-error-mapping.ts';
import { batchGet } from '../../shared/stores/dynamo-batch-get.ts';
import { namePlaceholders, toItem, unmarshallKeyring } from '../../shared/stores/dynamo-item-codec.ts';
import { idPrefixQuery, queryPage } from '../../shared/stores/dynamo-query.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type {
  Collection,
  RecordKey,
  StoredRecord,
  TaggedRecordStore,
  UserItemStore,
  UserRecordReader,
  UserRecordStore,
} from '../user-ports.ts';
import { collectionItemIdPrefix, parseRecordItem, recordItemId, userItemId } from './user-item-codec.ts';

type ClientOf = (org: string) => DynamoClient;

export interface UserTables {
  /** Table of organization keyrings, read to check lock and shred state. */
  readonly keyrings: string;
  readonly userKeyrings: string;
  /** Omitted for functions that read no records. */
  readonly records?: string;
}

/**
 * Reads both keyrings and the records in one strongly consistent BatchGetItem, so removals and deletions apply at once.
 */
export class DynamoUserReader implements UserRecordReader {
  readonly #clientOf: ClientOf;
  readonly #tables: UserTables;

  constructor(clientOf: ClientOf, tables: UserTables) {
    this.#clientOf = clientOf;
    this.#tables = tables;
  }

  async read(owner: UserRef, keys: readonly RecordKey[]): ReturnType<UserRecordReader['read']> {
    const { keyrings, userKeyrings, records } = this.#tables;
    const { org, user } = owner;
    const Keys = keys.map((key) => toItem({ org, id: recordItemId(owner, key) }));
    const found = await batchGet(this.#clientOf(org), {
      [keyrings]: { Keys: [toItem({ org })], ConsistentRead: true },
      [userKeyrings]: { Keys: [toItem({ org, id: userItemId(user) })], ConsistentRead: true },
      ...(records === undefined || Keys.length === 0 ? {} : { [records]: { Keys, ConsistentRead: true } }),
    });
    const [orgKeyring] = found.get(keyrings) ?? [];
    const [keyring] = found.get(userKeyrings) ?? [];
    const list = (records === undefined ? [] : (found.get(records) ?? [])).map(parseRecordItem);
    return {
      orgKeyring: orgKeyring === undefined ? undefined : unmarshallKeyring(orgKeyring),
      keyring: keyring === undefined ? undefined : unmarshallKeyring(keyring),
      records: new Map(list.map((record) => [record.id, record])),
    };
  }
}

/** Header and nonce of a sealed string. The nonce is unique to one sealing, so it identifies the sealed string. */
const nonceHeaderOf = (data: string): string => data.slice(0, 'enc:v1:'.length + 60);

/** Records of users, one item each. A write is one conditional put of the whole item. */
export class DynamoUserRecords implements UserRecordStore, TaggedRecordStore {
  readonly #clientOf: ClientOf;
  readonly #table: string;

  constructor(clientOf: ClientOf, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  put(owner: UserRef, record: StoredRecord, before: StoredRecord | undefined): Promise<boolean> {
    const { collection, id, tags, ...rest } = record;
    const item = toItem({ org: owner.org, id: recordItemId(owner, { collection, id }), ...rest });
    const input: PutItemInput = {
      TableName: this.#table,
      Item: tags === undefined ? item : { ...item, tags: { SS: [...tags] } },
      // An equal header and nonce means that the new record is already stored: the client's retry after a lost reply.
      ConditionExpression: `${before === undefined ? 'attribute_not_exists(#data)' : 'begins_with(#data, :before)'} OR begins_with(#data, :own)`,
      ExpressionAttributeNames: namePlaceholders('data'),
      ExpressionAttributeValues: toItem({
        ':own': nonceHeaderOf(record.data),
        ':before': before === undefined ? undefined : nonceHeaderOf(before.data),
      }),
    };
    return writeConditionally(() => this.#clientOf(owner.org).putItem(input));
  }

  async delete(owner: UserRef, key: RecordKey): Promise<boolean> {
    const input: DeleteItemInput = {
      TableName: this.#table,
      Key: toItem({ org: owner.org, id: recordItemId(owner, key) }),
      ReturnValues: 'ALL_OLD',
    };
    const { Attributes } = await mapTransientErrors(valueWriteOutcomeUnknownDetail, () =>
      this.#clientOf(owner.org).deleteItem(input),
    );
    return Attributes !== undefined;
  }

  async list(
    owner: UserRef,
    collection: Collection,
    after: string | undefined,
    limit: number,
    descending = false,
  ): Promise<Page<StoredRecord>> {
    const { org } = owner;
    const first = descending ? undefined : '';
    const query = {
      ...idPrefixQuery(this.#table, org, collectionItemIdPrefix(owner, collection), after ?? first),
      ScanIndexForward: !descending,
    };
    const { items, more } = await queryPage(this.#clientOf(org), query, limit);
    return { items: items.map(parseRecordItem), more };
  }

  async listTagged(
    owner: UserRef,
    collection: Collection,
    tags: readonly string[],
    after: string | undefined,
  ): Promise<Page<StoredRecord> & { readonly lastId: string | undefined }> {
    const { org } = owner;
    const prefix = collectionItemIdPrefix(owner, collection);
    const names = tags.map((_, at) => `:tag${at}`);
    const base = idPrefixQuery(this.#table, org, prefix, after ?? '');
    // DynamoDB ends a page at 1 MiB of what it reads, and returns the records with these tags.
    const input: QueryInput = {
      ...base,
      ConsistentRead: true,
      FilterExpression: names.map((name) => `contains(#tags, ${name})`).join(' AND '),
      ExpressionAttributeNames: { ...base.ExpressionAttributeNames, ...namePlaceholders('tags') },
      ExpressionAttributeValues: {
        ...base.ExpressionAttributeValues,
        ...toItem(Object.fromEntries(names.map((name, at) => [name, tags[at]]))),
      },
    };
    const { Items = [], LastEvaluatedKey } = await mapTransientErrors(nothingReadDetail, () =>
      this.#clientOf(org).query(input),
    );
    const lastId = LastEvaluatedKey?.id?.S?.slice(prefix.length);
    return { items: Items.map(parseRecordItem), more: lastId !== undefined, lastId };
  }

  async markSent(owner: UserRef, key: RecordKey): Promise<void> {
    const input: UpdateItemInput = {
      TableName: this.#table,
      Key: toItem({ org: owner.org, id: recordItemId(owner, key) }),
      UpdateExpression: 'SET #sent = :sent',
      // Without this condition, the update would create an item for a record that was deleted in the meantime.
      ConditionExpression: 'attribute_exists(#data)',
      ExpressionAttributeNames: namePlaceholders('sent', 'data'),
      ExpressionAttributeValues: toItem({ ':sent': true }),
    };
    await writeConditionally(() => this.#clientOf(owner.org).updateItem(input));
  }
}

/**
 * Number of concurrent deletes. Each delete is a separate call, because the shredder role may only delete single items.
 */
const maxConcurrentDeletes = 10;

/** Lists and deletes items of a table with the keys org and id, for purging. */
export class DynamoUserItems implements UserItemStore {
  readonly #clientOf: ClientOf;
  readonly #table: string;

  constructor(clientOf: ClientOf, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async list(org: string, start: string | undefined, limit: number): Promise<Page<string>> {
    const query = {
      ...(start === undefined ? orgQuery(this.#table, org) : idPrefixQuery(this.#table, org, `${start}/`)),
      ProjectionExpression: '#id',
    };
    const { items, more } = await queryPage(this.#clientOf(org), query, limit);
    return { items: items.map(({ id }) => id?.S ?? ''), more };
  }

  async delete(org: string, ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += maxConcurrentDeletes) {
      const some = ids.slice(at, at + maxConcurrentDeletes);
      await Promise.all(some.map((id) => this.#deleteOne(org, id)));
    }
  }

  async #deleteOne(org: string, id: string): Promise<void> {
    const input: DeleteItemInput = { TableName: this.#table, Key: toItem({ org, id }) };
    await mapTransientErrors(valueWriteOutcomeUnknownDetail, () => this.#clientOf(org).deleteItem(input));
  }
}

const orgQuery = (table: string, org: string) => ({
  TableName: table,
  KeyConditionExpression: '#org = :org',
  ExpressionAttributeNames: namePlaceholders('org', 'id'),
  ExpressionAttributeValues: toItem({ ':org': org }),
});
