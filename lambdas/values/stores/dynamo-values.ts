import type { DeleteItemInput, PutItemInput } from '@aws-sdk/client-dynamodb';
import { firstPossibleName, lastPossibleName } from '../../../core/values/name-range.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import type { Page, ReadValue, StoredValue } from '../../shared/ports.ts';
import { mapTransientErrors, valueWriteOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { batchGet } from '../../shared/stores/dynamo-batch-get.ts';
import { namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { queryPage } from '../../shared/stores/dynamo-query.ts';
import { ifSameVersion, ifUnchanged } from '../../shared/stores/value-conditions.ts';
import { parseStoredValue, summaryOf } from '../../shared/stores/value-item-codec.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { ListedValue, ValueStore } from '../value-ports.ts';

const ifAbsent = {
  ConditionExpression: 'attribute_not_exists(#name)',
  ExpressionAttributeNames: namePlaceholders('name'),
};

/** Current versions of values in DynamoDB, one item each. A write is one conditional put of the whole item. */
export class DynamoValues implements ValueStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async readCurrent(org: string, name: string): Promise<ReadValue | undefined> {
    // BatchGetItem also for one item, so that the functions need one read permission only.
    const keys = { Keys: [toItem({ org, name })], ConsistentRead: true };
    const [item] = (await batchGet(this.#clientOf(org), { [this.#table]: keys })).get(this.#table) ?? [];
    return item === undefined ? undefined : parseStoredValue(item);
  }

  putIfUnchanged(org: string, next: StoredValue, before: ReadValue | undefined): Promise<boolean> {
    const condition = before === undefined ? ifAbsent : ifUnchanged(before);
    const input: PutItemInput = { TableName: this.#table, Item: toItem({ org, ...next }), ...condition };
    return writeConditionally(() => this.#clientOf(org).putItem(input));
  }

  async delete(org: string, name: string): Promise<boolean> {
    const input: DeleteItemInput = {
      TableName: this.#table,
      Key: toItem({ org, name }),
      ReturnValues: 'ALL_OLD',
    };
    const { Attributes } = await mapTransientErrors(valueWriteOutcomeUnknownDetail, () =>
      this.#clientOf(org).deleteItem(input),
    );
    return Attributes !== undefined;
  }

  deleteIfSame(org: string, name: string, before: ReadValue): Promise<boolean> {
    const input: DeleteItemInput = {
      TableName: this.#table,
      Key: toItem({ org, name }),
      ...ifSameVersion(before),
    };
    return writeConditionally(() => this.#clientOf(org).deleteItem(input));
  }

  async list(org: string, prefix: string, after: string | undefined, limit: number): Promise<Page<ListedValue>> {
    const names =
      prefix === ''
        ? { KeyConditionExpression: '#org = :org AND #name BETWEEN :first AND :last' }
        : { KeyConditionExpression: '#org = :org AND begins_with(#name, :prefix)' };
    const bounds = prefix === '' ? { ':first': firstPossibleName, ':last': lastPossibleName } : { ':prefix': prefix };
    const query = {
      TableName: this.#table,
      ...names,
      ProjectionExpression: '#name, #life, #version, #writeId, #info',
      ExpressionAttributeNames: namePlaceholders('org', 'name', 'life', 'version', 'writeId', 'info'),
      ExpressionAttributeValues: toItem({ ':org': org, ...bounds }),
      ...(after === undefined ? {} : { ExclusiveStartKey: toItem({ org, name: after }) }),
    };
    const { items, more } = await queryPage(this.#clientOf(org), query, limit);
    return { items: items.map((item) => ({ name: item.name?.S ?? '', stored: summaryOf(item) })), more };
  }
}
