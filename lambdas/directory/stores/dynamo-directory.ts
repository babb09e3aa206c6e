import { mapTransientErrors, nothingReadDetail } from '../../shared/stores/aws-error-mapping.ts';
import { batchGet } from '../../shared/stores/dynamo-batch-get.ts';
import { namePlaceholders, toItem, unmarshallKeyring } from '../../shared/stores/dynamo-item-codec.ts';
import { getItem } from '../../shared/stores/dynamo-query.ts';
import type { DirectoryRequestData, DirectoryStore, EntryPage } from '../directory-ports.ts';
import { type ClientOf, entryId, ItemFields, lastPart, putNewItem, snapshotId } from './directory-items.ts';
import { parseSnapshot } from './dynamo-snapshots.ts';

export interface DirectoryTables {
  readonly keyrings: string;
  readonly directory: string;
}

/** Signed entries of directories, one item each. */
export class DynamoDirectory implements DirectoryStore {
  readonly #clientOf: ClientOf;
  readonly #tables: DirectoryTables;

  constructor(clientOf: ClientOf, tables: DirectoryTables) {
    this.#clientOf = clientOf;
    this.#tables = tables;
  }

  /** Reads in one strongly consistent BatchGetItem, so a revocation applies at once. */
  async read(org: string, known: number): Promise<DirectoryRequestData> {
    const { keyrings, directory } = this.#tables;
    const wanted = known === 0 ? snapshotId : entryId(known + 1);
    const found = await batchGet(this.#clientOf(org), {
      [keyrings]: { Keys: [toItem({ org })], ConsistentRead: true },
      [directory]: { Keys: [toItem({ org, id: wanted })], ConsistentRead: true },
    });
    const [keyring] = found.get(keyrings) ?? [];
    const [item] = found.get(directory) ?? [];
    return {
      orgKeyring: keyring && unmarshallKeyring(keyring),
      snapshot: known === 0 && item !== undefined ? parseSnapshot(item) : undefined,
      hasNext: known > 0 && item !== undefined,
    };
  }

  putEntry(org: string, seq: number, signed: Uint8Array): Promise<boolean> {
    return putNewItem(this.#clientOf(org), this.#tables.directory, { org, id: entryId(seq), bytes: signed });
  }

  async getEntry(org: string, seq: number): Promise<Uint8Array | undefined> {
    const item = await getItem(this.#clientOf(org), this.#tables.directory, { org, id: entryId(seq) });
    return item && new ItemFields(item).bytes('bytes');
  }

  async listEntries(org: string, after: number, limit: number, maxBytes: number): Promise<EntryPage> {
    const entries: { seq: number; signed: Uint8Array }[] = [];
    let bytes = 0;
    let start: string | undefined = entryId(after);
    while (start !== undefined && entries.length < limit) {
      const { Items = [], LastEvaluatedKey } = await this.#query(org, start, limit - entries.length);
      for (const item of Items) {
        const signed = item.bytes?.B ?? new Uint8Array(0);
        bytes += signed.length;
        // The first entry is returned whatever its size, so that a reader always makes progress.
        if (bytes > maxBytes && entries.length > 0) return { entries, more: true };
        entries.push({ seq: Number(lastPart(item)), signed });
      }
      start = LastEvaluatedKey?.id?.S;
    }
    return { entries, more: start !== undefined };
  }

  #query(org: string, start: string, limit: number) {
    return mapTransientErrors(nothingReadDetail, () =>
      this.#clientOf(org).query({
        TableName: this.#tables.directory,
        KeyConditionExpression: '#org = :org AND #id BETWEEN :start AND :end',
        ExpressionAttributeNames: namePlaceholders('org', 'id'),
        ExpressionAttributeValues: toItem({ ':org': org, ':start': start, ':end': 'entry/~' }),
        ExclusiveStartKey: toItem({ org, id: start }),
        ConsistentRead: true,
        Limit: limit,
      }),
    );
  }
}
