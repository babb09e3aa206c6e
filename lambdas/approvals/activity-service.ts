/**
 * What a person allowed and what became of it, and tripwires that were hit, from the audit (docs/approvals.md, section 9).
 * Nothing that the table has is trusted: a use is shown only if its proof verifies.
 */

import { activityLimits, approvalLimits } from '../../contract/approvals/limits.ts';
import type { ListActivityResponse, ListedTripwires, ListedUse } from '../../contract/approvals/wire.ts';
import type { AuditRecord } from '../../contract/audit/wire.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { findApprover } from '../../core/approvals/approval-keys.ts';
import { isOfRecord, verifyUse } from '../../core/approvals/use-proof.ts';
import { clockToleranceMs } from '../../core/directory/limits.ts';
import { firstTimeIdAt, isTimeId, lastTimeIdAt, timeOfTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { ActivityReader, StoredAuditRecord } from '../audit/audit-ports.ts';
import type { SessionSigner } from '../directory/session-authenticator.ts';
import { decodeCursor, encodeCursor } from '../shared/pagination-cursor.ts';
import type { Clock } from '../shared/ports.ts';
import { replyBytes } from '../shared/reply-bytes.ts';

export interface ActivityQuery {
  /** RFC 3339, inclusive. */
  readonly from?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

/** The result of a request is recorded at most this long after its start: twice the time of a function, milliseconds. */
const resultWithinMs = approvalLimits.useMs;

export class ActivityService {
  readonly #reader: ActivityReader;
  readonly #clock: Clock;

  constructor(reader: ActivityReader, clock: Clock) {
    this.#reader = reader;
    this.#clock = clock;
  }

  /**
   * One page, newest first. It may contain fewer entries than requested, or none, and still have a cursor.
   * @throws VaultError `not_approver`, `invalid_cursor`, `unavailable`
   */
  async list(signer: SessionSigner, { from, cursor, limit }: ActivityQuery): Promise<ListActivityResponse> {
    const { org, device, view } = signer;
    const now = this.#clock().getTime();
    if (findApprover(view.state, device.id, now) === undefined)
      throw new VaultError('not_approver', {
        detail: 'The directory does not list this device with the right `approve`. Nothing was read.',
      });
    const scope = [org, 'activity', `${device.person} ${from ?? ''}`] as const;
    // Nobody's clock is so far ahead: a record of the future is forged.
    const range = { first: firstTimeIdAt(timeOf(from)), last: lastTimeIdAt(now + clockToleranceMs) };
    const after = cursor === undefined ? undefined : decodeCursor(cursor, scope);
    if (range.first > range.last) return { uses: [], tripwires: [] };
    if (after !== undefined && !isWithin(after, range)) throw new VaultError('invalid_cursor');
    const page = new PageBuilder(signer, limit ?? activityLimits.page, now);
    if (after !== undefined) page.addEarlier(await this.#recordsAfter(org, after));
    const next = await this.#fill(page, org, range, after);
    return page.build(next === undefined ? undefined : encodeCursor(scope, next));
  }

  /** Reads until the page or the work of one call is full. @returns id at which the next page begins */
  async #fill(
    page: PageBuilder,
    org: string,
    { first, last }: { readonly first: string; readonly last: string },
    after: string | undefined,
  ): Promise<string | undefined> {
    let seen = after;
    for (let query = 0; query < activityLimits.queries; query++) {
      const range = { from: first, to: seen ?? last };
      const { items, lastRead } = await this.#reader.listActivity(org, range, 'newest', activityLimits.query);
      for (const stored of items) {
        const { id } = stored.record;
        if (id === seen) continue;
        if (!page.add(stored)) return seen;
        seen = id;
      }
      // One item, which was read before, can be all that DynamoDB returns.
      if (lastRead === undefined || lastRead === range.to) return undefined;
      seen = lastRead;
    }
    return seen;
  }

  /** Records at the end of the page before: they can have results of uses that begin this page. */
  async #recordsAfter(org: string, after: string): Promise<readonly StoredAuditRecord[]> {
    // An id that is no record's was put into the table by somebody else.
    if (!isTimeId(after)) return [];
    const range = { from: after, to: lastTimeIdAt(timeOfTimeId(after) + resultWithinMs) };
    return (await this.#reader.listActivity(org, range, 'oldest', activityLimits.query)).items;
  }
}

/** Milliseconds since 1970 of a time of the query, at least 0. The schema has checked its form. */
const timeOf = (from: string | undefined): number => (from === undefined ? 0 : Math.max(0, Date.parse(from)));

/** Sort keys are compared as UTF-8. A query whose range ends before it begins is an error of DynamoDB. */
const isWithin = (id: string, { first, last }: { readonly first: string; readonly last: string }): boolean => {
  const bytes = Buffer.from(id, 'utf8');
  return bytes.compare(Buffer.from(first)) >= 0 && bytes.compare(Buffer.from(last)) <= 0;
};

type Outcome = Pick<ListedUse, 'result' | 'upstream'>;

/** A page under construction. Records come newest first, so that the result of a request comes before its start. */
class PageBuilder {
  readonly #uses: ListedUse[] = [];
  readonly #tripwires: ListedTripwires[] = [];
  readonly #outcomes = new Map<string, Outcome>();
  /** A use has two records with the same tripwires. */
  readonly #knownTripwires = new Set<string>();
  readonly #signer: SessionSigner;
  readonly #limit: number;
  readonly #now: number;
  #bytes = 0;

  constructor(signer: SessionSigner, limit: number, now: number) {
    this.#signer = signer;
    this.#limit = limit;
    this.#now = now;
  }

  /** @param records that belong to the pages before */
  addEarlier(records: readonly StoredAuditRecord[]): void {
    for (const { record } of records) {
      this.#addResult(record);
      if (record.tripwires !== undefined) this.#knownTripwires.add(tripwiresKey(record));
    }
  }

  /** Returns false, and adds nothing, if the entries of a record do not fit on the page any more. */
  add({ record, ttl }: StoredAuditRecord): boolean {
    this.#addResult(record);
    // DynamoDB deletes late.
    if (ttl !== undefined && ttl * 1000 <= this.#now) return true;
    const [use, tripwires] = [this.#useOf(record), this.#tripwiresOf(record)];
    const added = [use, tripwires].filter((entry) => entry !== undefined);
    if (added.length === 0) return true;
    const count = this.#uses.length + this.#tripwires.length;
    const bytes = this.#bytes + replyBytes(added);
    if (count > 0 && (count + added.length > this.#limit || bytes > limits.batchReplyBytes)) return false;
    this.#bytes = bytes;
    if (use !== undefined) this.#uses.push(use);
    if (tripwires !== undefined) {
      this.#tripwires.push(tripwires);
      this.#knownTripwires.add(tripwiresKey(record));
    }
    return true;
  }

  build(cursor: string | undefined): ListActivityResponse {
    const more = cursor === undefined ? {} : { cursor };
    return { uses: this.#uses, tripwires: this.#tripwires, ...more };
  }

  #addResult(record: AuditRecord): void {
    const { result, upstream } = record;
    if (record.approval === undefined || result === 'started' || result === 'pending') return;
    this.#outcomes.set(requestKey(record), { result, ...(upstream === undefined ? {} : { upstream }) });
  }

  /** The use, if its proof is about the person of the device that asks, and of this record. */
  #useOf(record: AuditRecord): ListedUse | undefined {
    const { id, time, requestId, statement, signature, answer } = record;
    if (statement === undefined || signature === undefined || answer === undefined) return undefined;
    const { view, device } = this.#signer;
    const proof = { time, statement, signature, answer };
    const use = verifyUse(view.state, device.person, proof);
    if (use === undefined || !isOfRecord(use.facts, record)) return undefined;
    return { id, requestId, ...proof, ...this.#outcomes.get(requestKey(record)) };
  }

  #tripwiresOf(record: AuditRecord): ListedTripwires | undefined {
    const { id, time, requestId, tripwires, principal, result, sourceIp, agent, run } = record;
    if (tripwires === undefined || this.#knownTripwires.has(tripwiresKey(record))) return undefined;
    return {
      ...{ id, time, requestId, names: tripwires, principal, result, sourceIp },
      ...(agent === undefined ? {} : { agent }),
      ...(run === undefined ? {} : { run }),
    };
  }
}

const requestKey = ({ requestId, principal, approval }: AuditRecord): string =>
  JSON.stringify([requestId, principal, approval]);

/** With the names, so that a forged record hides none. */
const tripwiresKey = ({ requestId, principal, tripwires }: AuditRecord): string =>
  JSON.stringify([requestId, principal, tripwires]);
