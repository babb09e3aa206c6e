/**
 * How the sealer learns of orgs with new records, without a scan and without a second write for each request. Time is cut
 * into periods. The first record that a function's environment writes for an org in a period carries a mark, which is the
 * key of a sparse index: period and shard. A period's index entries are then few (orgs times environments), however
 * many records there are, and shards keep many orgs' first records of a period from meeting in one partition.
 */

/** Milliseconds. */
export const markPeriod = 300_000;
const shards = 8;
/** Orgs that one environment remembers within a period. Beyond, records are marked once too often, which is harmless. */
const remembered = 10_000;

const periodOf = (time: number): number => Math.floor(time / markPeriod);
const markOf = (period: number, shard: number): string => `${new Date(period * markPeriod).toISOString()}#${shard}`;

function shardOf(org: string): number {
  let sum = 0;
  for (const character of org) sum = (sum * 31 + character.charCodeAt(0)) % 65_521;
  return sum % shards;
}

/** Decides which records carry a mark. One for each environment. */
export class Marker {
  #period = -1;
  readonly #told = new Set<string>();

  /** The mark of an org's record at a time (milliseconds since 1970); undefined when the period knows the org already. */
  mark(org: string, time: number): string | undefined {
    this.#enter(periodOf(time));
    return this.#told.has(org) ? undefined : markOf(periodOf(time), shardOf(org));
  }

  /** To be called once a record with a mark is stored: a mark that was lost must be set again. */
  stored(org: string, time: number): void {
    if (periodOf(time) === this.#period && this.#told.size < remembered) this.#told.add(org);
  }

  #enter(period: number): void {
    if (period === this.#period) return;
    this.#period = period;
    this.#told.clear();
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
  for (let period = Math.ceil(from / markPeriod); (period + 1) * markPeriod <= to; period++) {
    const marks = Array.from({ length: shards }, (_, shard) => markOf(period, shard));
    periods.push({ marks, end: (period + 1) * markPeriod });
  }
  return periods;
}
