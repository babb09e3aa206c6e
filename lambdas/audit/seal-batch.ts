/** Selects the records of one seal and computes what the seal states about them. */

import { limits } from '../../contract/shared/limits.ts';
import { canonicalRecordBytes, type Seal } from '../../core/audit/audit-seal.ts';
import { leafHash, MerkleTreeHasher } from '../../core/audit/merkle-tree.ts';
import { isTimeId } from '../../core/encoding/time-ordered-id.ts';
import { replyBytes } from '../shared/reply-bytes.ts';
import type { AuditPage, AuditReader, StoredAuditRecord } from './audit-ports.ts';

/** Maximum contents of one seal, so that a reply can hold it together with its records. */
const recordsPerSeal = 1000;
const bytesPerSeal = limits.batchReplyBytes / 2;

/** The records of one seal. */
export interface SealBatch {
  readonly records: readonly StoredAuditRecord[];
  /** Exclusive. */
  readonly to: string;
}

/**
 * Reads a page of the records from `from` to `end`. Items whose ID is no record ID are skipped, because the vault did
 * not write them and a seal cannot begin or end at them.
 */
export async function readUnsealedRecords(
  records: AuditReader,
  org: string,
  from: string,
  end: string,
): Promise<AuditPage> {
  const items: AuditPage['items'][number][] = [];
  for (let start = from; ; ) {
    const page = await records.listRecords(org, start, end, recordsPerSeal + 1);
    items.push(...page.items.filter(({ id }) => isTimeId(id) && id !== items.at(-1)?.id));
    const last = page.items.at(-1);
    // Without an item after `from`, the batch could not advance. A page of DynamoDB has at least two items.
    if (!page.more || last === undefined || (items.at(-1)?.id ?? from) > from) return { items, more: page.more };
    start = last.id;
  }
}

/** Selects the records of one seal. Malformed items are skipped, because the vault did not write them. */
export function selectSealBatch({ items, more }: AuditPage, end: string): SealBatch {
  const records: StoredAuditRecord[] = [];
  let bytes = 0;
  for (const { id, stored } of items) {
    if (id >= end) break;
    if (stored === undefined) continue;
    bytes += replyBytes(stored.record);
    if (records.length > 0 && (isFull(records, bytes) || retentionOf(stored) !== retentionOf(records[0]))) {
      return { records, to: id };
    }
    records.push(stored);
  }
  const last = items.at(-1);
  // The page ended before the range. The seal ends before the last item, and the next seal starts with it.
  if (more && last !== undefined && last.id < end) {
    return { records: records.filter(({ record }) => record.id !== last.id), to: last.id };
  }
  return { records, to: end };
}

const isFull = (records: readonly StoredAuditRecord[], bytes: number): boolean =>
  records.length === recordsPerSeal || bytes > bytesPerSeal;

/**
 * Seconds from a record to the end of its retention; undefined for no limit. A seal states one end for all of its
 * records. If a record with a shorter retention were under the same seal, its insertion would allow that all of them
 * are removed early.
 */
const retentionOf = (stored: StoredAuditRecord | undefined): number | undefined =>
  stored?.ttl === undefined ? undefined : stored.ttl - Math.ceil(Date.parse(stored.record.time) / 1000);

/** The members of a seal that describe its records. */
export function describeBatch({ records, to }: SealBatch) {
  const tree = new MerkleTreeHasher();
  for (const { record } of records) tree.addLeaf(leafHash(canonicalRecordBytes(record)));
  const earliestTtl = Math.min(...records.map(({ ttl }) => ttl ?? Number.POSITIVE_INFINITY));
  return {
    to,
    count: tree.count,
    root: tree.root().toString('base64url'),
    ...(Number.isFinite(earliestTtl) ? { keptUntil: new Date(earliestTtl * 1000).toISOString() } : {}),
  };
}

/** Whether a seal states what the table holds for its range. */
export async function coversStoredRecords(
  records: AuditReader,
  { org, from, to, count, root }: Seal,
): Promise<boolean> {
  const found: StoredAuditRecord[] = [];
  for (let start = from; ; ) {
    const { items, more } = await records.listRecords(org, start, to, recordsPerSeal + 1);
    for (const { id, stored } of items) {
      if (id < to && stored !== undefined && id !== found.at(-1)?.record.id) found.push(stored);
    }
    const last = items.at(-1);
    if (!more || found.length > count || last === undefined || last.id === start) break;
    start = last.id;
  }
  const stated = describeBatch({ records: found, to });
  return stated.count === count && stated.root === root;
}
