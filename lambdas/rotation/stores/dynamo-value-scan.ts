import type { QueryInput, UpdateItemInput } from '@aws-sdk/client-dynamodb';
import { parseSlotKey } from '../../../core/values/history-slots.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import type { Page, StoredVersion } from '../../shared/ports.ts';
import { mapTransientErrors, nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import { type Item, namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import { parseSlotVersion, parseStoredValue } from '../../shared/stores/value-item-codec.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { ScannedItem, ValueScanStore } from '../rotation-ports.ts';

/** Scans and re-encrypts all versions of all values of an org, for a rotation. */
export class DynamoValueScan implements ValueScanStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async scan(org: string, after: string | undefined, limit: number): Promise<Page<ScannedItem>> {
    const input: QueryInput = { ...this.#orgQuery(org, after), Limit: limit };
    const { Items = [], LastEvaluatedKey } = await mapTransientErrors(nothingReadDetail, () =>
      this.#clientOf(org).query(input),
    );
    return { items: Items.map(toScannedItem), more: LastEvaluatedKey !== undefined };
  }

  async get(org: string, key: string): Promise<ScannedItem | undefined> {
    const item = await getItem(this.#clientOf(org), this.#table, { org, name: key });
    return item === undefined ? undefined : toScannedItem(item);
  }

  async countAfter(org: string, after: string | undefined): Promise<{ count: number; last: string | undefined }> {
    const input: QueryInput = { ...this.#orgQuery(org, after), Select: 'COUNT' };
    const { Count = 0, LastEvaluatedKey } = await mapTransientErrors(nothingReadDetail, () =>
      this.#clientOf(org).query(input),
    );
    return { count: Count, last: LastEvaluatedKey?.name?.S };
  }

  replaceCiphertext(
    org: string,
    key: string,
    { value, info }: Pick<StoredVersion, 'value' | 'info'>,
    before: StoredVersion,
  ): Promise<boolean> {
    // Updates only the sealed strings; other attributes stay. The condition on `info` also prevents re-creating a
    // deleted item.
    const input: UpdateItemInput = {
      TableName: this.#table,
      Key: toItem({ org, name: key }),
      UpdateExpression: 'SET #value = :value, #info = :info',
      // The second alternative lets the client's retry after a lost reply succeed: the stored `info` is then the one being
      // written.
      ConditionExpression: '#info = :before OR #info = :info',
      ExpressionAttributeNames: namePlaceholders('value', 'info'),
      ExpressionAttributeValues: toItem({ ':value': value, ':info': info, ':before': before.info }),
    };
    return writeConditionally(() => this.#clientOf(org).updateItem(input));
  }

  #orgQuery(org: string, after: string | undefined) {
    return {
      TableName: this.#table,
      ConsistentRead: true,
      KeyConditionExpression: '#org = :org',
      ExpressionAttributeNames: namePlaceholders('org'),
      ExpressionAttributeValues: toItem({ ':org': org }),
      ...(after === undefined ? {} : { ExclusiveStartKey: toItem({ org, name: after }) }),
    };
  }
}

function toScannedItem(item: Item): ScannedItem {
  const key = item.name?.S ?? '';
  const slot = parseSlotKey(key);
  return slot === undefined
    ? { key, name: key, slot: undefined, content: parseStoredValue(item) }
    : { key, ...slot, content: parseSlotVersion(item) };
}
