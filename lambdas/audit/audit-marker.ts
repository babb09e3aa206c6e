/**
 * How the sealer learns of orgs with new records, without a scan and without a second write for each request. Time is cut
 * into periods. The first record that a function's environment writes for an org in a period carries a mark, which is the
 * key of a sparse index: period and shard. A period's index entries are then few (orgs times environments), however
 * many records there are, and shards keep many orgs' first records of a period from meeting in one partition.
 */

/** Milliseconds. */
export const markPeriodMs = 300_000;
const shardCount = 8;
/** Orgs that one environment remembers within a period. Beyond, records are marked once too often, which is harmless. */
const maxRememberedOrgs = 10_000;

const periodIndexAt = (time: number): number => Math.floor(time / markPeriodMs);
const markKey = (period: number, shard: number): string => `${new Date(period * markPeriodMs).toISOString()}#${shard}`;

function shardOf(org: string): number {
  let sum = 0;
  for (const character of org) sum = (sum * 31 + character.charCodeAt(0)) % 65_521;
  return sum % shardCount;
}

/** Decides which records carry a mark. One for each environment. */
export class AuditMarker {
  #period = -1;
  readonly #markedOrgs = new Set<string>();

  /** The mark of an org's record at a time (milliseconds since 1970); undefined when the period knows the org already. */
  markFor(org: string, time: number): string | undefined {
    this.#startPeriod(periodIndexAt(time));
    return this.#markedOrgs.has(org) ? undefined : markKey(periodIndexAt(time), shardOf(org));
  }

  /** To be called once a record with a mark is stored: a mark that was lost must be set again. */
  confirmStored(org: string, time: number): void {
    if (periodIndexAt(time) === this.#period && this.#markedOrgs.size < maxRememberedOrgs) this.#markedOrgs.add(org);
  }

  #startPeriod(period: number): void {
    if (period === this.#period) return;
    this.#period = period;
    this.#markedOrgs.clear();
  }
}

/** A period that has ended: all its marks, and when it did. */
export interface MarkedPeriod {
  readonly marks: readonly string[];
  /** Milliseconds since 1970. */
  readonly end: number;
}

/** Periods that began at or after `from` and ended by `to`, oldest first. */
export function periodsBetween(from: number, to: number): MarkedPeriod[] {
  const periods: MarkedPeriod[] = [];
  for (let period = Math.ceil(from / markPeriodMs); (period + 1) * markPeriodMs <= to; period++) {
    const marks = Array.from({ length: shardCount }, (_, shard) => markKey(period, shard));
    periods.push({ marks, end: (period + 1) * markPeriodMs });
  }
  return periods;
}
