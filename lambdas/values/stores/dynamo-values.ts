import { DeleteItemCommand, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { Page, StoredValue, StoredVersion } from '../../shared/ports.ts';
import { mapTransientErrors, valueWriteOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import {
  type Fields,
  type Item,
  namePlaceholders,
  requireText,
  toItem,
} from '../../shared/stores/dynamo-item-codec.ts';
import { queryPage } from '../../shared/stores/dynamo-query.ts';
import { count } from '../../shared/stores/value-item-codec.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { StoredValueSummary, ValueStore } from '../value-ports.ts';

/**
 * Condition: the item is at the same version. The life is compared too, because a value that was deleted and created
 * again restarts its versions at 1.
 */
const ifVersionUnchanged = (before: StoredVersion) => ({
  ConditionExpression: '#life = :life AND #version = :version',
  ExpressionAttributeNames: namePlaceholders('life', 'version'),
  ExpressionAttributeValues: toItem({ ':life': before.life, ':version': before.version }),
});

/**
 * Condition: the item is exactly the one that was read. Each encryption of `info` uses a new nonce, so this also
 * detects a rotation that re-encrypted the same version. A new write must not undo that.
 */
const ifItemUnchanged = (before: StoredVersion) => ({
  ConditionExpression: '#info = :before',
  ExpressionAttributeNames: namePlaceholders('info'),
  ExpressionAttributeValues: toItem({ ':before': before.info }),
});

const ifAbsent = {
  ConditionExpression: 'attribute_not_exists(#name)',
  ExpressionAttributeNames: namePlaceholders('name'),
};

/** Values in DynamoDB, one item each. A write is one conditional put of the whole item. */
export class DynamoValues implements ValueStore {
  readonly #clientOf: (org: string) => DynamoDBClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoDBClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  putIfUnchanged(org: string, next: StoredValue, before: StoredVersion | undefined): Promise<boolean> {
    const condition = before === undefined ? ifAbsent : ifItemUnchanged(before);
    const command = new PutItemCommand({ TableName: this.#table, Item: toItem({ org, ...next }), ...condition });
    return writeConditionally(() => this.#clientOf(org).send(command));
  }

  async delete(org: string, name: string): Promise<boolean> {
    const command = new DeleteItemCommand({
      TableName: this.#table,
      Key: toItem({ org, name }),
      ReturnValues: 'ALL_OLD',
    });
    const { Attributes } = await mapTransientErrors(valueWriteOutcomeUnknownDetail, () =>
      this.#clientOf(org).send(command),
    );
    return Attributes !== undefined;
  }

  deleteIfUnchanged(org: string, name: string, before: StoredVersion): Promise<boolean> {
    const command = new DeleteItemCommand({
      TableName: this.#table,
      Key: toItem({ org, name }),
      ...ifVersionUnchanged(before),
    });
    return writeConditionally(() => this.#clientOf(org).send(command));
  }

  async list(org: string, prefix: string, after: string | undefined, limit: number): Promise<Page<StoredValueSummary>> {
    const names = prefix === '' ? namePlaceholders('org') : namePlaceholders('org', 'name');
    const query = {
      TableName: this.#table,
      KeyConditionExpression: prefix === '' ? '#org = :org' : '#org = :org AND begins_with(#name, :prefix)',
      ProjectionExpression: '#name, #life, #version, #writeId, #info',
      ExpressionAttributeNames: { ...names, ...namePlaceholders('name', 'life', 'version', 'writeId', 'info') },
      ExpressionAttributeValues: toItem({ ':org': org, ...(prefix === '' ? {} : { ':prefix': prefix }) }),
      ...(after === undefined ? {} : { ExclusiveStartKey: toItem({ org, name: after }) }),
    };
    const { items, more } = await queryPage(this.#clientOf(org), query, limit);
    return { items: items.map(parseValueSummary), more };
  }
}

function parseValueSummary(item: Item): StoredValueSummary {
  const fields: Fields = unmarshall(item);
  return {
    name: requireText(fields, 'name'),
    life: requireText(fields, 'life'),
    version: count(fields, 'version'),
    writeId: requireText(fields, 'writeId'),
    info: requireText(fields, 'info'),
  };
}
