import type { DeleteItemInput, PutItemInput } from '@aws-sdk/client-dynamodb';
import type { VaultScope } from '../../../core/devices/vault-scope.ts';
import type { DynamoClient } from '../../aws/dynamo-client.ts';
import {
  mapTransientErrors,
  nothingReadDetail,
  writeOutcomeUnknownDetail,
} from '../../shared/stores/aws-error-mapping.ts';
import { type Fields, type Item, namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type {
  BundleStore,
  HashListName,
  RecordRow,
  RecordRowPage,
  StoredBundle,
  StoredCompaction,
} from '../pruning-ports.ts';
import {
  bundleId,
  compactionId,
  hashesId,
  parseBundleItem,
  parseCompactionItem,
  parseRowItem,
  recordRowId,
  recordRowsPrefix,
} from './bundle-item-codec.ts';
import { bytesOfItem, entryId } from './device-item-codec.ts';

/** Items of one query. */
const queryLimit = 1_000;

/** What pruned logs have in place of their entries, in the table of logs. */
export class DynamoDeviceBundles implements BundleStore {
  readonly #clientOf: (org: string) => DynamoClient;
  readonly #table: string;

  constructor(clientOf: (org: string) => DynamoClient, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async getBundle(scope: VaultScope): Promise<StoredBundle | undefined> {
    const item = await this.#get(scope, bundleId(scope));
    return item && parseBundleItem(item);
  }

  putBundle(scope: VaultScope, { kept, ...bundle }: StoredBundle): Promise<boolean> {
    return this.#putIf(scope, bundleId(scope), { ...bundle, kept: kept.join(',') }, 'seq', '#seq < :seq', bundle.seq);
  }

  async getCompaction(scope: VaultScope): Promise<StoredCompaction | undefined> {
    const item = await this.#get(scope, compactionId(scope));
    return item && parseCompactionItem(item);
  }

  putCompaction(scope: VaultScope, compaction: StoredCompaction, before: number | undefined): Promise<boolean> {
    const fields = { ...compaction, kept: compaction.kept.join(','), tree: [...compaction.tree] };
    if (before === undefined) return this.#putIf(scope, compactionId(scope), fields, 'step');
    return this.#putIf(scope, compactionId(scope), fields, 'step', '#step = :step', before);
  }

  async deleteCompaction(scope: VaultScope, step: number): Promise<void> {
    const { org } = scope;
    const input: DeleteItemInput = {
      TableName: this.#table,
      Key: toItem({ org, id: compactionId(scope) }),
      ConditionExpression: '#step = :step',
      ExpressionAttributeNames: namePlaceholders('step'),
      ExpressionAttributeValues: toItem({ ':step': step }),
    };
    await writeConditionally(() => this.#clientOf(org).deleteItem(input), writeOutcomeUnknownDetail);
  }

  async getHashes(scope: VaultScope, name: HashListName): Promise<Uint8Array> {
    const item = await this.#get(scope, hashesId(scope, name));
    return item === undefined ? new Uint8Array(0) : bytesOfItem(item);
  }

  async putHashes(scope: VaultScope, name: HashListName, bytes: Uint8Array): Promise<void> {
    const { length: size } = bytes;
    await this.#putIf(scope, hashesId(scope, name), { bytes, size }, 'size', '#size < :size', size);
  }

  async putRow(scope: VaultScope, { record, seq, epoch, change: bytes }: RecordRow): Promise<void> {
    const { org } = scope;
    const Item = toItem({ org, id: recordRowId(scope, record, seq), epoch, bytes });
    await this.#write(() => this.#clientOf(org).putItem({ TableName: this.#table, Item }));
  }

  async rowsOf(scope: VaultScope, record: string, before: number, limit: number): Promise<readonly RecordRow[]> {
    const range = { start: recordRowId(scope, record, 0), end: recordRowId(scope, record, before - 1) };
    const { Items = [] } = await this.#query(scope, range, { ScanIndexForward: false, Limit: limit });
    return Items.map(parseRowItem);
  }

  async deleteRow(scope: VaultScope, { record, seq }: Pick<RecordRow, 'record' | 'seq'>): Promise<void> {
    await this.#delete(scope, recordRowId(scope, record, seq));
  }

  async listRows(scope: VaultScope, after: string, before: number, maxBytes: number): Promise<RecordRowPage> {
    const rows: RecordRow[] = [];
    let bytes = 0;
    // The newest row so far of the record that is being read.
    let current: RecordRow | undefined;
    for await (const row of this.#rowsAfter(scope, after)) {
      if (current !== undefined && current.record !== row.record) {
        rows.push(current);
        bytes += current.change.length;
        current = undefined;
        // The first record is returned whatever its size, so that a reader always makes progress.
        if (bytes + row.change.length > maxBytes) return { rows, more: true };
      }
      // Rows from the checkpoint on belong to a later one.
      if (row.seq < before) current = row;
    }
    return { rows: current === undefined ? rows : [...rows, current], more: false };
  }

  async *#rowsAfter(scope: VaultScope, after: string): AsyncGenerator<RecordRow, void, undefined> {
    const prefix = recordRowsPrefix(scope);
    const start = after === '' ? prefix : `${recordRowId(scope, after, 0).slice(0, -12)}~`;
    const range = { start, end: `${prefix}~` };
    let from: Item | undefined;
    do {
      const { Items = [], LastEvaluatedKey } = await this.#query(scope, range, {
        Limit: queryLimit,
        ExclusiveStartKey: from,
      });
      yield* Items.map(parseRowItem);
      from = LastEvaluatedKey;
    } while (from !== undefined);
  }

  async deleteEntry(scope: VaultScope, seq: number): Promise<void> {
    await this.#delete(scope, entryId(scope, seq));
  }

  #query(
    { org }: VaultScope,
    { start, end }: { readonly start: string; readonly end: string },
    more: {
      readonly ScanIndexForward?: boolean;
      readonly Limit: number;
      readonly ExclusiveStartKey?: Item | undefined;
    },
  ) {
    return mapTransientErrors(nothingReadDetail, () =>
      this.#clientOf(org).query({
        TableName: this.#table,
        KeyConditionExpression: '#org = :org AND #id BETWEEN :start AND :end',
        ExpressionAttributeNames: namePlaceholders('org', 'id'),
        ExpressionAttributeValues: toItem({ ':org': org, ':start': start, ':end': end }),
        ConsistentRead: true,
        ...more,
      }),
    );
  }

  #get({ org }: VaultScope, id: string): Promise<Item | undefined> {
    return getItem(this.#clientOf(org), this.#table, { org, id });
  }

  /** Puts an item if there is none, or if a condition on one number of the stored one is met. */
  #putIf(
    { org }: VaultScope,
    id: string,
    fields: Fields,
    name: string,
    condition?: string,
    value?: number,
  ): Promise<boolean> {
    const input: PutItemInput = {
      TableName: this.#table,
      Item: toItem({ org, id, ...fields }),
      ConditionExpression: `attribute_not_exists(#${name})${condition === undefined ? '' : ` OR ${condition}`}`,
      ExpressionAttributeNames: namePlaceholders(name),
      ...(value === undefined ? {} : { ExpressionAttributeValues: toItem({ [`:${name}`]: value }) }),
    };
    return writeConditionally(() => this.#clientOf(org).putItem(input), writeOutcomeUnknownDetail);
  }

  async #delete({ org }: VaultScope, id: string): Promise<void> {
    const input: DeleteItemInput = { TableName: this.#table, Key: toItem({ org, id }) };
    await this.#write(() => this.#clientOf(org).deleteItem(input));
  }

  async #write(run: () => Promise<unknown>): Promise<void> {
    await mapTransientErrors(writeOutcomeUnknownDetail, run);
  }
}
