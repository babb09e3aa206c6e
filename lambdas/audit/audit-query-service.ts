/** The rules of reading the audit: queries by time, principal, name and verb, and the export that can be verified. */

import type { AuditQuery, AuditRecord, ExportAuditResponse, QueryAuditResponse } from '../../contract/audit/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { decodeSealUnverified, type Seal } from '../../core/audit/audit-seal.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { firstTimeIdAt, greatestTimeId, isTimeId, lastTimeIdAt } from '../../core/encoding/time-ordered-id.ts';
import { decodeCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Clock } from '../shared/ports.ts';
import type { AuditPage, AuditReader, SealRequest, StoredAuditRecord, StoredSeal } from './audit-ports.ts';
import { replyBytes } from './audit-seal-service.ts';

/** Records that one query looks through at most; one that found less then goes on with its cursor. */
const lookedThrough = 5000;
const lookedAtOnce = 1000;

/** Seals and records of one page of an export, beside the bytes of a reply. */
const sealsPerPage = 500;
const recordsPerPage = 1000;
/** Records found beyond what the seals cover: a few are handed out, so that the verifier sees that some were added. */
const surplus = 100;
const sealEnvelope = 50;

type Found = AuditPage['items'];

export class AuditReading {
  readonly #reader: AuditReader;
  readonly #seal: SealRequest;
  readonly #clock: Clock;

  constructor(reader: AuditReader, seal: SealRequest, clock: Clock) {
    this.#reader = reader;
    this.#seal = seal;
    this.#clock = clock;
  }

  /**
   * One page of records, oldest first. It may hold fewer than asked for, or none, although a cursor says that there are more.
   * @throws VaultError `invalid_cursor`; DecryptionError when a stored record has not the documented form
   */
  async query(org: string, query: AuditQuery): Promise<QueryAuditResponse> {
    const { cursor, limit = limits.pageSize, ...filters } = query;
    const scope = [org, 'audit', JSON.stringify(Object.entries(filters).toSorted())] as const;
    const { first, last } = rangeOf(filters);
    const page = new QueryPage(filters, limit, cursor === undefined ? undefined : idOf(decodeCursor(cursor, scope)));
    for (let looked = 0; looked < lookedThrough && (page.after ?? first) <= last; ) {
      const { items, more } = await this.#reader.records(org, page.after ?? first, last, page.wanted);
      const room = page.fill(items.map(({ id, stored }) => ({ id, record: this.#kept(stored) })));
      if (room && !more) return { records: page.records };
      if (!room) break;
      looked += items.length;
    }
    if (page.after === undefined) return { records: page.records };
    return { records: page.records, cursor: encodeCursor(scope, page.after) };
  }

  /**
   * One page of the export: whole seals with their records, oldest first. The first page has the records sealed that are
   * old enough.
   * @throws VaultError `invalid_cursor`, `unavailable`
   */
  async export(org: string, cursor: string | undefined): Promise<ExportAuditResponse> {
    const scope = [org, 'seals', ''] as const;
    if (cursor === undefined) await this.#seal(org);
    const after = cursor === undefined ? 0 : seqOf(decodeCursor(cursor, scope));
    const page = await this.#reader.seals(org, after, sealsPerPage);
    const seals = page.items.map((stored) => ({ stored, seal: decodeSealUnverified(stored.jws) ?? nothing }));
    const chosen = seals.slice(0, chosenCount(seals));
    const { found, reached } = await this.#covered(org, chosen);
    const batches: ExportAuditResponse['seals'] = [];
    let bytes = 0;
    for (const { stored, seal } of chosen) {
      if (batches.length > 0 && seal.to > reached) break;
      // An item that is no record is left out: then the seal does not hold, and says so to whoever verifies.
      const records = found.flatMap(({ id, stored: item }) =>
        id >= seal.from && id < seal.to && item !== undefined ? [item.record] : [],
      );
      bytes += records.reduce((sum, record) => sum + replyBytes(record), stored.jws.length + sealEnvelope);
      if (batches.length > 0 && bytes > limits.batchReplyBytes) break;
      batches.push({ seal: stored.jws, records });
    }
    const last = chosen[batches.length - 1];
    if (last === undefined || (batches.length === seals.length && !page.more)) return { seals: batches };
    return { seals: batches, cursor: encodeCursor(scope, String(last.stored.seq)) };
  }

  /** Records of seals that follow one another, as far as they are still kept; and up to which id all were read. */
  async #covered(org: string, seals: readonly SealOnPage[]): Promise<{ found: Found; reached: string }> {
    const now = this.#clock();
    const kept = seals.filter(
      ({ seal }) => seal !== nothing && (seal.keptUntil === undefined || new Date(seal.keptUntil) > now),
    );
    const first = kept[0]?.seal;
    const end = kept.at(-1)?.seal.to;
    if (first === undefined || end === undefined || first.from >= end) return { found: [], reached: greatestTimeId };
    const most = kept.reduce((sum, { seal }) => sum + seal.count, surplus);
    const found: Found[number][] = [];
    let from = first.from;
    for (;;) {
      const { items, more } = await this.#reader.records(org, from, end, most - found.length + 1);
      found.push(...items.filter(({ id }) => found.at(-1)?.id !== id));
      const last = found.at(-1);
      if (!more || last === undefined || last.id >= end) return { found, reached: greatestTimeId };
      if (found.length > most || last.id === from) return { found, reached: last.id };
      from = last.id;
    }
  }

  /** The record, unless its retention period is over: DynamoDB takes days to remove it, for readers it is gone at once. */
  #kept(stored: StoredAuditRecord | undefined): AuditRecord | undefined {
    if (stored === undefined) throw new DecryptionError();
    const { ttl, record } = stored;
    return ttl === undefined || ttl > this.#clock().getTime() / 1000 ? record : undefined;
  }
}

/** Ids, both inclusive, of the times that a query is about. */
function rangeOf({ from, to }: AuditQuery): { first: string; last: string } {
  const first = from === undefined ? firstTimeIdAt(0) : firstTimeIdAt(timeOf(from, 'from'));
  // `to` is exclusive, so the last id of the millisecond before.
  return { first, last: to === undefined ? greatestTimeId : lastTimeIdAt(timeOf(to, 'to') - 1) };
}

/** A page of a query while it fills. */
class QueryPage {
  readonly records: AuditRecord[] = [];
  /** How many records to look at next. */
  readonly wanted: number;
  /** Id of the last record that was looked at and dealt with. */
  after: string | undefined;
  readonly #filters: AuditQuery;
  readonly #limit: number;
  #bytes = 0;

  constructor(filters: AuditQuery, limit: number, after: string | undefined) {
    const { principal, name, verb } = filters;
    // Without a filter each record counts: then no more is read than asked for, the one before and the one after.
    const unfiltered = principal === undefined && name === undefined && verb === undefined;
    this.wanted = unfiltered ? limit + 2 : lookedAtOnce;
    this.after = after;
    this.#filters = filters;
    this.#limit = limit;
  }

  /** Takes those records that were asked for; returns false once there is no room for one of them. */
  fill(items: readonly { readonly id: string; readonly record: AuditRecord | undefined }[]): boolean {
    for (const { id, record } of items) {
      if (id === this.after) continue;
      if (record !== undefined && matches(record, this.#filters) && !this.#add(record)) return false;
      this.after = id;
    }
    return true;
  }

  #add(record: AuditRecord): boolean {
    this.#bytes += replyBytes(record);
    if (this.records.length === this.#limit) return false;
    if (this.#bytes > limits.batchReplyBytes && this.records.length > 0) return false;
    this.records.push(record);
    return true;
  }
}

interface SealOnPage {
  readonly stored: StoredSeal;
  readonly seal: typeof nothing;
}

/** In place of what is stored as a seal and is none: it is handed out without records, for the verifier to refuse. */
const nothing: Pick<Seal, 'from' | 'to' | 'count' | 'keptUntil'> = {
  from: firstTimeIdAt(0),
  to: firstTimeIdAt(0),
  count: 0,
};

/** How many of the seals fit one page by the number of their records; at least one. */
function chosenCount(seals: readonly SealOnPage[]): number {
  let records = 0;
  const end = seals.findIndex(({ seal }, index) => {
    records += seal.count;
    return index > 0 && records > recordsPerPage;
  });
  return end < 0 ? seals.length : end;
}

/** Whether a record is one that was asked for; the range of times is for the table. */
function matches(record: AuditRecord, { principal, name, verb }: AuditQuery): boolean {
  if (principal !== undefined && record.principal !== principal) return false;
  if (verb !== undefined && record.verb !== verb) return false;
  if (name === undefined) return true;
  const names = [...(record.name === undefined ? [] : [record.name]), ...(record.names ?? [])];
  return names.some((one) => one === name || (name.endsWith('/') && one.startsWith(name)));
}

/** Milliseconds of an RFC 3339 time, within what ids can tell. */
function timeOf(text: string, path: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new VaultError('invalid_request', { errors: [{ path, message: 'is no time' }] });
  return Math.max(1, time);
}

function idOf(text: string): string {
  if (!isTimeId(text)) throw new VaultError('invalid_cursor');
  return text;
}

function seqOf(text: string): number {
  const seq = Number(text);
  if (!/^[1-9][0-9]{0,14}$/.test(text) || !Number.isSafeInteger(seq)) throw new VaultError('invalid_cursor');
  return seq;
}
