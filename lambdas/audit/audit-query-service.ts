/** Queries the audit by time, principal, name and verb. */

import type { AuditQuery, AuditRecord, QueryAuditResponse } from '../../contract/audit/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { firstTimeIdAt, greatestTimeId, lastTimeIdAt } from '../../core/encoding/time-ordered-id.ts';
import { decodeKeyCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Clock } from '../shared/ports.ts';
import { replyBytes } from '../shared/reply-bytes.ts';
import type { AuditReader, StoredAuditRecord } from './audit-ports.ts';

/**
 * Maximum number of records that one query reads. If it found fewer matches than requested, the client continues with
 * the cursor.
 */
const maxScannedRecords = 5000;
const scanPageSize = 1000;

export class AuditQueryService {
  readonly #reader: AuditReader;
  readonly #clock: Clock;

  constructor(reader: AuditReader, clock: Clock) {
    this.#reader = reader;
    this.#clock = clock;
  }

  /**
   * One page of records, oldest first. It may contain fewer records than requested, or none, and still have a cursor.
   * Items that are no records are listed by their IDs.
   * @throws VaultError `invalid_cursor`, `invalid_request`
   */
  async query(org: string, query: AuditQuery): Promise<QueryAuditResponse> {
    const { cursor, limit = limits.pageSize, ...filters } = query;
    const scope = [org, 'audit', JSON.stringify(Object.entries(filters).toSorted())] as const;
    const { first, last } = idRangeOf(filters);
    const page = new QueryPage(filters, limit, decodeKeyCursor(cursor, scope));
    for (let scanned = 0; scanned < maxScannedRecords && (page.lastSeenId ?? first) <= last; ) {
      const { items, more } = await this.#reader.listRecords(org, page.lastSeenId ?? first, last, page.readSize);
      const hasRoom = page.addMatching(items, this.#clock().getTime() / 1000);
      if (hasRoom && !more) return page.build();
      if (!hasRoom) break;
      scanned += items.length;
    }
    if (page.lastSeenId === undefined) return page.build();
    return { ...page.build(), cursor: encodeCursor(scope, page.lastSeenId) };
  }
}

/** First and last record ID of the query's time range, both inclusive. */
function idRangeOf({ from, to }: AuditQuery): { first: string; last: string } {
  const first = from === undefined ? firstTimeIdAt(0) : firstTimeIdAt(parseTimestamp(from, 'from'));
  // `to` is exclusive, so the range ends with the last ID of the preceding millisecond.
  return { first, last: to === undefined ? greatestTimeId : lastTimeIdAt(parseTimestamp(to, 'to') - 1) };
}

/** A query page under construction. */
class QueryPage {
  readonly #records: AuditRecord[] = [];
  readonly #damaged: string[] = [];
  /** Number of records per read. */
  readonly readSize: number;
  /** ID of the last processed record. */
  lastSeenId: string | undefined;
  readonly #filters: AuditQuery;
  readonly #limit: number;
  #bytes = 0;

  constructor(filters: AuditQuery, limit: number, after: string | undefined) {
    const { principal, name, verb } = filters;
    // Without a filter every record matches, so the read needs only the page, the record before it and the one after
    // it.
    const unfiltered = principal === undefined && name === undefined && verb === undefined;
    this.readSize = unfiltered ? limit + 2 : scanPageSize;
    this.lastSeenId = after;
    this.#filters = filters;
    this.#limit = limit;
  }

  /** Adds damaged and matching records. Returns false if one no longer fits on the page. */
  addMatching(items: readonly { readonly id: string; readonly stored: StoredAuditRecord | undefined }[], now: number) {
    for (const { id, stored } of items) {
      if (id === this.lastSeenId) continue;
      if (!(stored === undefined ? this.#addDamaged(id) : this.#addIfMatching(stored, now))) return false;
      this.lastSeenId = id;
    }
    return true;
  }

  build(): QueryAuditResponse {
    const damaged = this.#damaged.length === 0 ? {} : { damaged: this.#damaged };
    return { records: this.#records, ...damaged };
  }

  /** @param now seconds since 1970. DynamoDB may take days to delete a record after its retention period */
  #addIfMatching({ ttl, record }: StoredAuditRecord, now: number): boolean {
    if ((ttl !== undefined && ttl <= now) || !isMatch(record, this.#filters)) return true;
    if (!this.#hasRoomFor(replyBytes(record))) return false;
    this.#records.push(record);
    return true;
  }

  #addDamaged(id: string): boolean {
    // The list of IDs is JSON, in which a character of an ID can need six bytes.
    if (!this.#hasRoomFor(6 * id.length + 3)) return false;
    this.#damaged.push(id);
    return true;
  }

  #hasRoomFor(bytes: number): boolean {
    this.#bytes += bytes;
    const count = this.#records.length + this.#damaged.length;
    return count < this.#limit && (this.#bytes <= limits.batchReplyBytes || count === 0);
  }
}

/** Whether a record matches the filters. The time range is applied by the table query. */
function isMatch(record: AuditRecord, { principal, name, verb }: AuditQuery): boolean {
  if (principal !== undefined && record.principal !== principal) return false;
  if (verb !== undefined && record.verb !== verb) return false;
  if (name === undefined) return true;
  const names = [...(record.name === undefined ? [] : [record.name]), ...(record.names ?? [])];
  return names.some((one) => one === name || (name.endsWith('/') && one.startsWith(name)));
}

/** Parses an RFC 3339 time to milliseconds since 1970, at least 1. @throws VaultError `invalid_request` */
function parseTimestamp(text: string, path: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw new VaultError('invalid_request', { errors: [{ path, message: 'is not a valid time' }] });
  return Math.max(1, time);
}
