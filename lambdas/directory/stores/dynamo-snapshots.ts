import { mapTransientErrors, writeOutcomeUnknownDetail } from '../../shared/stores/aws-error-mapping.ts';
import { type Item, namePlaceholders, toItem } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem, queryPage } from '../../shared/stores/dynamo-query.ts';
import { runInBatches } from '../../shared/stores/run-in-batches.ts';
import { writeConditionally } from '../../shared/stores/write-conditionally.ts';
import type { LeavesKind, SnapshotStore, StoredCheckpoint, StoredSnapshot } from '../directory-ports.ts';
import { type ClientOf, checkpointId, ItemFields, lastPart, partId, putItem, snapshotId } from './directory-items.ts';

/** @throws DecryptionError for missing fields */
export function parseSnapshot(item: Item): StoredSnapshot {
  const fields = new ItemFields(item);
  return {
    seq: fields.number('seq'),
    hash: fields.bytes('hash'),
    subtrees: fields.optionalBytes('subtrees') ?? new Uint8Array(),
    parts: fields.bytes('parts'),
    mac: fields.any('mac'),
  };
}

/** States of directories in parts, and the leaves of checkpoints. */
export class DynamoSnapshots implements SnapshotStore {
  readonly #clientOf: ClientOf;
  readonly #table: string;

  constructor(clientOf: ClientOf, table: string) {
    this.#clientOf = clientOf;
    this.#table = table;
  }

  async get(org: string): Promise<StoredSnapshot | undefined> {
    const item = await getItem(this.#clientOf(org), this.#table, { org, id: snapshotId });
    return item && parseSnapshot(item);
  }

  put(org: string, snapshot: StoredSnapshot): Promise<boolean> {
    return writeConditionally(
      () =>
        this.#clientOf(org).putItem({
          TableName: this.#table,
          Item: toItem({ org, id: snapshotId, ...snapshot }),
          ConditionExpression: 'attribute_not_exists(#id) OR #seq < :seq',
          ExpressionAttributeNames: namePlaceholders('id', 'seq'),
          ExpressionAttributeValues: toItem({ ':seq': snapshot.seq }),
        }),
      writeOutcomeUnknownDetail,
    );
  }

  async getPart(org: string, kind: LeavesKind, seq: number, part: number): Promise<Uint8Array | undefined> {
    const item = await getItem(this.#clientOf(org), this.#table, { org, id: partId(kind, seq, part) });
    return item && new ItemFields(item).bytes('bytes');
  }

  putPart(org: string, kind: LeavesKind, seq: number, part: number, leaves: Uint8Array): Promise<void> {
    return putItem(this.#clientOf(org), this.#table, { org, id: partId(kind, seq, part), bytes: leaves });
  }

  async deleteParts(org: string, seq: number, parts: number): Promise<void> {
    const numbers = Array.from({ length: parts }, (_, index) => index + 1);
    await runInBatches(numbers, (part) =>
      mapTransientErrors(writeOutcomeUnknownDetail, () =>
        this.#clientOf(org).deleteItem({
          TableName: this.#table,
          Key: toItem({ org, id: partId('state', seq, part) }),
        }),
      ),
    );
  }

  async findCheckpoint(org: string, upTo: number): Promise<StoredCheckpoint | undefined> {
    const query = {
      TableName: this.#table,
      KeyConditionExpression: '#org = :org AND #id BETWEEN :start AND :end',
      ExpressionAttributeNames: namePlaceholders('org', 'id'),
      ExpressionAttributeValues: toItem({ ':org': org, ':start': checkpointId(0), ':end': checkpointId(upTo) }),
      ScanIndexForward: false,
    };
    const [item] = (await queryPage(this.#clientOf(org), query, 1)).items;
    if (item === undefined) return undefined;
    const fields = new ItemFields(item);
    return { seq: Number(lastPart(item)), subtrees: fields.bytes('subtrees'), parts: fields.number('parts') };
  }

  putCheckpoint(org: string, { seq, subtrees, parts }: StoredCheckpoint): Promise<void> {
    return putItem(this.#clientOf(org), this.#table, { org, id: checkpointId(seq), subtrees, parts });
  }
}
