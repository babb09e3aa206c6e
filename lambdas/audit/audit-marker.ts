/**
 * Marks let the sealer find orgs with new records without a scan and without a second write per request. Time is
 * divided into periods. The first record that a function environment writes for an org in a period carries a mark. The
 * mark is the key of a sparse index and consists of period and shard. A period therefore has few index entries (orgs
 * times environments), regardless of the number of records. Shards spread the first records of many orgs over several
 * partitions.
 */

/** Milliseconds. */
export const markPeriodMs = 300_000;
const shardCount = 8;
/**
 * Maximum number of orgs that one environment remembers per period. Beyond it, further records are marked redundantly,
 * which is harmless.
 */
const maxRememberedOrgs = 10_000;

const periodIndexAt = (time: number): number => Math.floor(time / markPeriodMs);
const markKey = (period: number, shard: number): string => `${new Date(period * markPeriodMs).toISOString()}#${shard}`;

function shardOf(org: string): number {
  let sum = 0;
  for (const character of org) sum = (sum * 31 + character.charCodeAt(0)) % 65_521;
  return sum % shardCount;
}

/** Decides which records carry a mark. One instance per environment. */
export class AuditMarker {
  #period = -1;
  readonly #markedOrgs = new Set<string>();

  /**
   * Returns the mark for an org's record at a time (milliseconds since 1970); undefined if the org is already marked in
   * that period.
   */
  markFor(org: string, time: number): string | undefined {
    this.#startPeriod(periodIndexAt(time));
    return this.#markedOrgs.has(org) ? undefined : markKey(periodIndexAt(time), shardOf(org));
  }

  /**
   * Call this after a record with a mark was stored. If the write failed, the next record must carry the mark again.
   */
  confirmStored(org: string, time: number): void {
    if (periodIndexAt(time) === this.#period && this.#markedOrgs.size < maxRememberedOrgs) this.#markedOrgs.add(org);
  }

  #startPeriod(period: number): void {
    if (period === this.#period) return;
    this.#period = period;
    this.#markedOrgs.clear();
  }
}

/** A period that has ended: its marks and its end. */
export interface MarkedPeriod {
  readonly marks: readonly string[];
  /** Milliseconds since 1970. */
  readonly end: number;
}

/**
 * Periods that began at or after `from` and ended at or before `to`, oldest first. Times are in milliseconds since
 * 1970.
 */
export function periodsBetween(from: number, to: number): MarkedPeriod[] {
  const periods: MarkedPeriod[] = [];
  for (let period = Math.ceil(from / markPeriodMs); (period + 1) * markPeriodMs <= to; period++) {
    const marks = Array.from({ length: shardCount }, (_, shard) => markKey(period, shard));
    periods.push({ marks, end: (period + 1) * markPeriodMs });
  }
  return periods;
}
