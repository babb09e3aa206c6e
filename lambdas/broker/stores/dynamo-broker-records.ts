import type { DynamoClient } from '../../aws/dynamo-client.ts';
import {
  mapTransientErrors,
  nothingReadDetail,
  writeOutcomeUnknownDetail,
} from '../../shared/stores/aws-error-mapping.ts';
import {
  type Fields,
  type Item,
  namePlaceholders,
  toItem,
  unmarshallReadable,
} from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { HostRecordStore, TokenRecord, TokenRecordStore, UseCounterStore } from '../broker-ports.ts';

type ClientOf = (org: string) => DynamoClient;

const hostId = (hostname: string): string => `host/${hostname}`;
const tokenId = (id: string): string => `token/${id}`;
const useId = (name: string, minute: number): string => `use/${minute}/${name}`;

/** Counters are kept for this time after their minute, seconds. */
const counterKeptSeconds = 3600;

/** The items of the broker's table, by `org` and `id` (docs/format.md, section 5). */
export class DynamoBrokerRecords implements HostRecordStore, UseCounterStore {
  readonly #clientOf: ClientOf;
  readonly #table: string;

  constructor(clientOf: ClientOf, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async read(org: string, hostname: string): Promise<readonly string[]> {
    const fields = await readFields(this.#clientOf(org), this.#table, org, hostId(hostname));
    const { references } = fields ?? {};
    return references instanceof Set ? [...references].filter((one) => typeof one === 'string') : [];
  }

  async add(org: string, hostname: string, references: readonly string[], most: number): Promise<boolean> {
    const update = (UpdateExpression: string, ConditionExpression: string, values: Fields) =>
      writeConditionally(
        () =>
          this.#clientOf(org).updateItem({
            TableName: this.#table,
            Key: toItem({ org, id: hostId(hostname) }),
            UpdateExpression,
            ConditionExpression,
            ExpressionAttributeNames: namePlaceholders('references'),
            ExpressionAttributeValues: toItem({ ':added': new Set(references), ':set': 'SS', ...values }),
          }),
        nothingSentDetail,
      );
    const isSet = 'attribute_type(#references, :set)';
    const hasRoom = `attribute_not_exists(#references) OR (${isSet} AND size(#references) <= :room)`;
    if (await update('ADD #references :added', hasRoom, { ':room': most - references.length })) return true;
    // Anything else is read as no references, because somebody altered it.
    return await update('SET #references = :added', `NOT ${isSet}`, {});
  }

  async remove(org: string, hostname: string, references: readonly string[]): Promise<void> {
    await mapTransientErrors(nothingSentDetail, () =>
      this.#clientOf(org).updateItem({
        TableName: this.#table,
        Key: toItem({ org, id: hostId(hostname) }),
        UpdateExpression: 'DELETE #references :gone',
        ExpressionAttributeNames: namePlaceholders('references'),
        ExpressionAttributeValues: toItem({ ':gone': new Set(references) }),
      }),
    );
  }

  count(org: string, name: string, minute: number, limit: number): Promise<boolean> {
    return writeConditionally(
      () =>
        this.#clientOf(org).updateItem({
          TableName: this.#table,
          Key: toItem({ org, id: useId(name, minute) }),
          UpdateExpression: 'ADD #uses :one SET #ttl = :ttl',
          ConditionExpression: 'attribute_not_exists(#uses) OR #uses < :limit',
          ExpressionAttributeNames: namePlaceholders('uses', 'ttl'),
          ExpressionAttributeValues: toItem({
            ':one': 1,
            ':limit': limit,
            ':ttl': minute * 60 + counterKeptSeconds,
          }),
        }),
      nothingSentDetail,
    );
  }
}

const nothingSentDetail = 'Nothing was sent to the host.';

/** The states of access tokens. They are not trusted: their tokens are sealed. */
export class DynamoTokenRecords implements TokenRecordStore {
  readonly #clientOf: ClientOf;
  readonly #table: string;

  constructor(clientOf: ClientOf, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async read(org: string, id: string): Promise<TokenRecord | undefined> {
    const fields = await readFields(this.#clientOf(org), this.#table, org, tokenId(id));
    return fields === undefined ? undefined : readTokenRecord(fields);
  }

  async replace(org: string, id: string, record: TokenRecord, expected: number | undefined): Promise<boolean> {
    if (expected !== undefined)
      return await this.#put(org, id, record, '#fence = :expected', toItem({ ':expected': expected }));
    // A fence that no function has written is replaced, so that it does not block the credential for ever.
    const isNone = 'NOT #fence BETWEEN :least AND :most';
    if (await this.#put(org, id, record, isNone, toItem({ ':least': 1, ':most': maxFence }))) return true;
    const item = await getItem(this.#clientOf(org), this.#table, { org, id: tokenId(id) });
    if (item?.fence?.N === undefined || readTokenRecord(unmarshallReadable(item)) !== undefined) return false;
    return await this.#put(org, id, record, '#fence = :expected', { ':expected': item.fence });
  }

  #put(org: string, id: string, record: TokenRecord, ConditionExpression: string, values: Item): Promise<boolean> {
    return writeConditionally(
      () =>
        this.#clientOf(org).putItem({
          TableName: this.#table,
          Item: toItem({ org, id: tokenId(id), ...record }),
          ConditionExpression,
          ExpressionAttributeValues: values,
          ExpressionAttributeNames: namePlaceholders('fence'),
        }),
      writeOutcomeUnknownDetail,
    );
  }
}

async function readFields(client: DynamoClient, table: string, org: string, id: string): Promise<Fields | undefined> {
  const { Item: item } = await mapTransientErrors(nothingReadDetail, () =>
    client.getItem({ TableName: table, Key: toItem({ org, id }), ConsistentRead: true }),
  );
  return item === undefined ? undefined : unmarshallReadable(item);
}

/** No record is changed so often. */
const maxFence = 2 ** 48;

/** @returns undefined if the fence is none; a record without a state for any other damage, which deleting it causes too */
function readTokenRecord(fields: Fields): TokenRecord | undefined {
  const { fence } = fields;
  if (typeof fence !== 'number' || !Number.isSafeInteger(fence) || fence < 1 || fence > maxFence) return undefined;
  return parseTokenRecord(fields, fence) ?? { fence, holder: '', state: 'idle', basis: '' };
}

const states = ['idle', 'refreshing', 'ready', 'refused', 'uncertain'] as const;

function parseTokenRecord(fields: Fields, fence: number): TokenRecord | undefined {
  const { holder, basis, startedAt, leaseUntil, repeated, sealed, sealedBasis, pending, ttl } = fields;
  const state = states.find((one) => one === fields.state);
  const isTime = (value: unknown): value is number | undefined => value === undefined || Number.isSafeInteger(value);
  if (state === undefined || typeof basis !== 'string' || typeof holder !== 'string') return undefined;
  if (!isTime(startedAt) || !isTime(leaseUntil) || !isTime(ttl)) return undefined;
  const isText = (value: unknown): value is string | undefined => value === undefined || typeof value === 'string';
  if (!isText(sealed) || !isText(sealedBasis)) return undefined;
  return {
    fence,
    holder,
    state,
    basis,
    startedAt,
    leaseUntil,
    repeated: repeated === true,
    sealed,
    sealedBasis,
    pending: pending === true,
    ttl,
  };
}
