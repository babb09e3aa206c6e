import { type DynamoDBClient, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import type { Page } from '../../shared/ports.ts';
import { notRead, orUnavailable } from '../../shared/stores/aws-error-mapping.ts';
import { held } from '../../shared/stores/dynamo-conditions.ts';
import { placeholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { queryPage } from '../../shared/stores/dynamo-query.ts';
import type { AuditPage, AuditReader, AuditWriter, NewAuditRecord, SealStore, StoredSeal } from '../audit-ports.ts';
import { auditRecordOf, sealItem, sealOf, sealPrefix } from './audit-item-codec.ts';

type ClientOf = (org: string) => DynamoDBClient;

const absent = { ConditionExpression: 'attribute_not_exists(#id)', ExpressionAttributeNames: placeholders('id') };

/** Writes records, and can do nothing else. */
export class DynamoAuditWriter implements AuditWriter {
  readonly #clientOf: ClientOf;
  readonly #table: string;

  constructor(clientOf: ClientOf, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async put({ record, ttl, mark }: NewAuditRecord, patience: number): Promise<void> {
    const item = toItem({ ...record, ttl, mark });
    const command = new PutItemCommand({ TableName: this.#table, Item: item, ...absent });
    const abortSignal = AbortSignal.timeout(Math.max(1, patience));
    // With 80 random bits in its id, what stands there already is this very record, whose first reply was lost.
    await held(() => this.#clientOf(record.org).send(command, { abortSignal }));
  }
}

/** Records and seals of one table. */
export class DynamoAudit implements AuditReader, SealStore {
  readonly #clientOf: ClientOf;
  readonly #table: string;

  constructor(clientOf: ClientOf, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async records(org: string, from: string, to: string, limit: number): Promise<AuditPage> {
    const { items, more } = await queryPage(this.#clientOf(org), this.#range(org, from, to), limit);
    return { items: items.map((item) => ({ id: item.id?.S ?? '', stored: auditRecordOf(item) })), more };
  }

  async seals(org: string, after: number, limit: number): Promise<Page<StoredSeal>> {
    const range = this.#range(org, sealItem(org, { seq: after + 1, jws: '' }).id, `${sealPrefix}~`);
    const { items, more } = await queryPage(this.#clientOf(org), range, limit);
    return { items: items.map(sealOf), more };
  }

  async last(org: string): Promise<StoredSeal | undefined> {
    const query = { ...this.#range(org, sealPrefix, `${sealPrefix}~`), ScanIndexForward: false };
    const command = new QueryCommand({ ...query, ConsistentRead: true, Limit: 1 });
    const { Items = [] } = await orUnavailable(notRead, () => this.#clientOf(org).send(command));
    const [item] = Items;
    return item === undefined ? undefined : sealOf(item);
  }

  add(org: string, seal: StoredSeal): Promise<boolean> {
    const command = new PutItemCommand({ TableName: this.#table, Item: toItem(sealItem(org, seal)), ...absent });
    return held(() => this.#clientOf(org).send(command));
  }

  /** Items with sort keys between the two, both inclusive. */
  #range(org: string, from: string, to: string) {
    return {
      TableName: this.#table,
      KeyConditionExpression: '#org = :org AND #id BETWEEN :from AND :to',
      ExpressionAttributeNames: placeholders('org', 'id'),
      ExpressionAttributeValues: toItem({ ':org': org, ':from': from, ':to': to }),
    };
  }
}
