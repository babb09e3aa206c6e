import type { PutItemInput } from '@aws-sdk/client-dynamodb';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import { namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { queryPage } from '../../shared/stores/dynamo-query.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { AuditAppender, AuditPage, AuditReader, NewAuditRecord } from '../audit-ports.ts';
import { parseStoredAuditRecord } from './audit-item-codec.ts';

type ClientOf = (org: string) => DynamoClient;

const ifAbsent = { ConditionExpression: 'attribute_not_exists(#id)', ExpressionAttributeNames: namePlaceholders('id') };

/** Writes audit records. It has no other operation. */
export class DynamoAuditAppender implements AuditAppender {
  readonly #clientOf: ClientOf;
  readonly #table: string;

  constructor(clientOf: ClientOf, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async put({ record, ttl, mark }: NewAuditRecord, timeoutMs: number): Promise<void> {
    const item = toItem({ ...record, ttl, mark });
    const input: PutItemInput = { TableName: this.#table, Item: item, ...ifAbsent };
    // The ID contains 80 random bits, so an existing item with it is this record, stored by an attempt whose reply was
    // lost.
    await writeConditionally(() => this.#clientOf(record.org).putItem(input, { timeoutMs }));
  }
}

/** Reads the records of the audit table. */
export class DynamoAuditReader implements AuditReader {
  readonly #clientOf: ClientOf;
  readonly #table: string;

  constructor(clientOf: ClientOf, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async listRecords(org: string, from: string, to: string, limit: number): Promise<AuditPage> {
    const { items, more } = await queryPage(this.#clientOf(org), this.#rangeQuery(org, from, to), limit);
    return { items: items.map((item) => ({ id: item.id?.S ?? '', stored: parseStoredAuditRecord(item) })), more };
  }

  /** Items with sort keys from `from` to `to`, both inclusive. */
  #rangeQuery(org: string, from: string, to: string) {
    return {
      TableName: this.#table,
      KeyConditionExpression: '#org = :org AND #id BETWEEN :from AND :to',
      ExpressionAttributeNames: namePlaceholders('org', 'id'),
      ExpressionAttributeValues: toItem({ ':org': org, ':from': from, ':to': to }),
    };
  }
}
