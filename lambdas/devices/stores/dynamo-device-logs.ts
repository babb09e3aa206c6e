import type { PutItemInput } from '@aws-sdk/client-dynamodb';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import {
  mapTransientErrors,
  nothingReadDetail,
  writeOutcomeUnknownDetail,
} from '../../shared/stores/aws-error-mapping.ts';
import { namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import { DynamoUserItems } from '../../users/stores/dynamo-user-records.ts';
import type { LogPage, LogStore } from '../device-ports.ts';
import { bytesOfItem, entryId, logIdPrefix, seqOfItem } from './device-item-codec.ts';

/** Signed entries of device vaults, one item each. */
export class DynamoDeviceLogs implements LogStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;
  readonly #items: DynamoUserItems;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
    this.#items = new DynamoUserItems(clientOf, table);
  }

  put(scope: VaultScope, seq: number, signed: Uint8Array): Promise<boolean> {
    const { org } = scope;
    const input: PutItemInput = {
      TableName: this.#table,
      Item: toItem({ org, id: entryId(scope, seq), bytes: signed }),
      ConditionExpression: 'attribute_not_exists(#id)',
      ExpressionAttributeNames: namePlaceholders('id'),
    };
    return writeConditionally(() => this.#clientOf(org).putItem(input), writeOutcomeUnknownDetail);
  }

  async get(scope: VaultScope, seq: number): Promise<Uint8Array | undefined> {
    const { org } = scope;
    const item = await getItem(this.#clientOf(org), this.#table, { org, id: entryId(scope, seq) });
    return item === undefined ? undefined : bytesOfItem(item);
  }

  async list(scope: VaultScope, after: number, limit: number, maxBytes: number): Promise<LogPage> {
    const entries: { seq: number; signed: Uint8Array }[] = [];
    let bytes = 0;
    let start: string | undefined = entryId(scope, after);
    while (start !== undefined && entries.length < limit && bytes < maxBytes) {
      const { Items = [], LastEvaluatedKey } = await this.#query(scope, start, limit - entries.length);
      for (const item of Items) {
        // An entry without bytes does not follow, and must not hide those before it.
        const signed = item.bytes?.B ?? new Uint8Array(0);
        bytes += signed.length;
        // The first entry is returned whatever its size, so that a reader always makes progress.
        if (bytes > maxBytes && entries.length > 0) return { entries, more: true };
        entries.push({ seq: seqOfItem(item), signed });
      }
      start = LastEvaluatedKey?.id?.S;
    }
    return { entries, more: start !== undefined };
  }

  #query(scope: VaultScope, start: string, limit: number) {
    const { org } = scope;
    return mapTransientErrors(nothingReadDetail, () =>
      this.#clientOf(org).query({
        TableName: this.#table,
        KeyConditionExpression: '#org = :org AND #id BETWEEN :start AND :end',
        ExpressionAttributeNames: namePlaceholders('org', 'id'),
        ExpressionAttributeValues: toItem({ ':org': org, ':start': start, ':end': `${logIdPrefix(scope)}/~` }),
        ExclusiveStartKey: toItem({ org, id: start }),
        ConsistentRead: true,
        Limit: limit,
      }),
    );
  }

  async deleteSome(scope: VaultScope, limit: number): Promise<boolean> {
    const { items, more } = await this.#items.list(scope.org, logIdPrefix(scope), limit);
    await this.#items.delete(scope.org, items);
    return !more;
  }
}
