import type { DeleteItemInput, PutItemInput } from '@aws-sdk/client-dynamodb';
import { parseSlotKey, slotKey, slotOf } from '../../../core/values/history-slots.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import type { ReadSlot, StoredVersion } from '../../shared/ports.ts';
import { batchGet } from '../../shared/stores/dynamo-batch-get.ts';
import { namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { ifSameVersion } from '../../shared/stores/value-conditions.ts';
import { parseSlotVersion } from '../../shared/stores/value-item-codec.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { ValueHistoryStore } from '../value-ports.ts';

/** Earlier versions of values, in the same DynamoDB table as the current ones. */
export class DynamoValueHistory implements ValueHistoryStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  put(org: string, name: string, kept: StoredVersion): Promise<boolean> {
    const { life, version, writeId, value, info } = kept;
    const input: PutItemInput = {
      TableName: this.#table,
      Item: toItem({ org, name: slotKey(name, slotOf(version)), life, version, writeId, value, info }),
      // Lives sort by time. An equal version is the same write, so a repeated put succeeds.
      ConditionExpression: 'attribute_not_exists(#life) OR #life < :life OR (#life = :life AND #version <= :version)',
      ExpressionAttributeNames: namePlaceholders('life', 'version'),
      ExpressionAttributeValues: toItem({ ':life': life, ':version': version }),
    };
    return writeConditionally(() => this.#clientOf(org).putItem(input));
  }

  async read(org: string, name: string, slots: readonly number[]): Promise<readonly ReadSlot[]> {
    if (slots.length === 0) return [];
    const keys = { Keys: slots.map((slot) => toItem({ org, name: slotKey(name, slot) })), ConsistentRead: true };
    const items = (await batchGet(this.#clientOf(org), { [this.#table]: keys })).get(this.#table) ?? [];
    return items.flatMap((item) => {
      const key = parseSlotKey(item.name?.S ?? '');
      return key === undefined ? [] : [{ slot: key.slot, content: parseSlotVersion(item) }];
    });
  }

  deleteIfSame(org: string, name: string, { slot, content }: ReadSlot): Promise<boolean> {
    const input: DeleteItemInput = {
      TableName: this.#table,
      Key: toItem({ org, name: slotKey(name, slot) }),
      ...ifSameVersion(content),
    };
    return writeConditionally(() => this.#clientOf(org).deleteItem(input));
  }
}
