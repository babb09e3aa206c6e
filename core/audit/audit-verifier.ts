/**
 * Verifies an export of the audit offline (docs/format.md, section 8): with nothing but the lines and the public keys.
 * It reads line after line and keeps no record, so an export may be of any length.
 */

import { firstIdAt, isTimeId, timeOfId } from '../encoding/time-ordered-id.ts';
import { recordBytes, type Seal, sealHash } from './audit-seal.ts';
import { leafHash, TreeHash } from './merkle-tree.ts';

/** What can be wrong with an export. */
export type AuditProblemCode =
  /** A line is neither a record nor a seal. */
  | 'malformed'
  /** A seal's signature or content is not right. */
  | 'seal_invalid'
  /** Seals are missing before this one, or it does not follow the one before. */
  | 'chain_broken'
  | 'record_altered'
  | 'record_removed'
  | 'record_added'
  | 'record_reordered'
  /** Records that no seal vouches for. */
  | 'unsealed'
  /** The export ends before the time until which it was to be complete. */
  | 'cut';

export interface AuditProblem {
  readonly code: AuditProblemCode;
  /** For people: where, and what was expected. Holds ids, numbers and times only. */
  readonly detail: string;
}

export interface AuditSummary {
  readonly org: string | undefined;
  readonly seals: number;
  /** Records under seals that hold. */
  readonly records: number;
  /** Records that are gone because the retention period was over, as the seals had said. */
  readonly expired: number;
  /** RFC 3339: all records before this time are in the export; undefined without a seal. */
  readonly completeUntil: string | undefined;
  /** Hash of the last seal: who keeps it can tell a later export of another history apart. */
  readonly head: string | undefined;
}

/** Checks the signature of a JWS and gives its content; undefined when it is not a seal that one of the keys signed. */
export type SealReader = (jws: string) => Seal | undefined;

/** The records since the last seal. */
interface Batch {
  readonly tree: TreeHash;
  first: string | undefined;
  last: string | undefined;
  orgs: Set<unknown>;
  ordered: boolean;
  timely: boolean;
}

const newBatch = (): Batch => ({
  tree: new TreeHash(),
  first: undefined,
  last: undefined,
  orgs: new Set(),
  ordered: true,
  timely: true,
});

export class AuditVerifier {
  readonly #read: SealReader;
  readonly #problems: AuditProblem[] = [];
  /** Seals whose records are all gone: right only if a later seal was made after they might be. */
  readonly #emptied: Seal[] = [];
  readonly #heads = new Set<string>();
  #batch = newBatch();
  #last: Seal | undefined;
  #head: string | undefined;
  #seals = 0;
  #records = 0;

  /**
   * @param after JWS of a seal that was verified before: what is given then follows it. Without it, it is all from the
   * first seal on. Throws RangeError when it is no seal that `read` takes.
   */
  constructor(read: SealReader, after?: string) {
    this.#read = read;
    if (after === undefined) return;
    this.#last = read(after);
    this.#head = sealHash(after);
    if (this.#last === undefined) throw new RangeError('what came before is not a seal');
  }

  /** Takes the next line of an export, parsed: a record, or `{"seal": …}` after the records it covers. */
  add(line: unknown): void {
    if (typeof line !== 'object' || line === null) this.#report('malformed', `${this.#place()}: a line is no object`);
    else if ('seal' in line) this.#close(line.seal);
    else this.#record(line);
  }

  /**
   * Ends the export and says all that is wrong with it, in the order of its lines; nothing when it holds.
   * @param until milliseconds since 1970: the export must be complete up to then
   * @param includes hash of a seal that must be among its seals: the head of an earlier export
   */
  end({ until, includes }: { until?: number | undefined; includes?: string | undefined } = {}): {
    readonly problems: readonly AuditProblem[];
    readonly summary: AuditSummary;
  } {
    const { count } = this.#batch.tree;
    if (count > 0)
      this.#report('unsealed', `${count} records stand after the last seal: the seal over them is missing`);
    if (this.#seals === 0) this.#report('chain_broken', 'there is no seal at all');
    let expired = 0;
    for (const seal of this.#emptied) {
      if (this.#last !== undefined && Date.parse(seal.keptUntil ?? '') <= Date.parse(this.#last.sealedAt)) {
        expired += seal.count;
      } else this.#report('record_removed', `seal ${seal.seq}: all of its ${seal.count} records are missing`);
    }
    if (until !== undefined && (this.#last === undefined || this.#last.to < firstIdAt(until))) {
      const end = this.#completeUntil() ?? 'nowhere';
      this.#report('cut', `the export ends at ${end}, before ${new Date(until).toISOString()}`);
    }
    if (includes !== undefined && !this.#heads.has(includes)) {
      this.#report('chain_broken', `the seal ${includes} is not in this export: it tells another history`);
    }
    const summary: AuditSummary = {
      org: this.#last?.org,
      seals: this.#seals,
      records: this.#records,
      expired,
      completeUntil: this.#completeUntil(),
      head: this.#head,
    };
    return { problems: this.#problems, summary };
  }

  #record(record: object): void {
    const { id, org, time }: { readonly [name: string]: unknown } = { ...record };
    if (typeof id !== 'string' || !isTimeId(id)) {
      this.#report('malformed', `${this.#place()}: a line is neither a record nor a seal`);
      return;
    }
    const batch = this.#batch;
    if (batch.last !== undefined && id <= batch.last) batch.ordered = false;
    if (typeof time !== 'string' || Date.parse(time) !== timeOfId(id)) batch.timely = false;
    batch.orgs.add(org);
    batch.first = batch.first === undefined || id < batch.first ? id : batch.first;
    batch.last = batch.last === undefined || id > batch.last ? id : batch.last;
    batch.tree.add(leafHash(recordBytes(record)));
  }

  #close(jws: unknown): void {
    const batch = this.#batch;
    this.#batch = newBatch();
    const seal = typeof jws === 'string' ? this.#read(jws) : undefined;
    if (seal === undefined || typeof jws !== 'string') {
      this.#report('seal_invalid', `${this.#place()}: a seal is not one that the given keys signed`);
      return;
    }
    this.#seals++;
    this.#chain(seal);
    this.#compare(seal, batch);
    this.#last = seal;
    this.#head = sealHash(jws);
    this.#heads.add(this.#head);
  }

  #chain(seal: Seal): void {
    const last = this.#last;
    const wrong = (what: string) => this.#report('chain_broken', `seal ${seal.seq}: ${what}`);
    const expected = last === undefined ? 1 : last.seq + 1;
    if (seal.seq !== expected) wrong(`seal ${expected} was to come here`);
    else if (seal.previous !== this.#head) wrong('it follows another seal than the one before it');
    else if (seal.from !== (last?.to ?? firstIdAt(0))) wrong('it does not begin where the one before it ends');
    else if (last !== undefined && seal.org !== last.org) wrong('it is of another organization');
  }

  #compare(seal: Seal, batch: Batch): void {
    const { tree } = batch;
    const at = `seal ${seal.seq}`;
    if (tree.count === 0 && seal.count > 0 && seal.keptUntil !== undefined) {
      this.#emptied.push(seal);
      return;
    }
    if (tree.count < seal.count) {
      this.#report('record_removed', `${at}: ${tree.count} records stand before it, it covers ${seal.count}`);
    } else if (tree.count > seal.count) {
      this.#report('record_added', `${at}: ${tree.count} records stand before it, it covers ${seal.count}`);
    } else if (!batch.ordered) {
      this.#report('record_reordered', `${at}: its records are not in the order of their ids, or one stands twice`);
    } else if (tree.root().toString('base64url') !== seal.root) {
      this.#report('record_altered', `${at}: its records are not the ones that were sealed`);
    } else if (!belongs(seal, batch)) {
      this.#report('seal_invalid', `${at}: it covers a record of another organization or time`);
    } else this.#records += seal.count;
  }

  #completeUntil(): string | undefined {
    return this.#last === undefined ? undefined : new Date(timeOfId(this.#last.to)).toISOString();
  }

  #place(): string {
    return this.#last === undefined ? 'before the first seal' : `after seal ${this.#last.seq}`;
  }

  #report(code: AuditProblemCode, detail: string): void {
    this.#problems.push({ code, detail });
  }
}

/** Whether what a sealer signed could have been sealed so: a signature alone does not make that right. */
function belongs(seal: Seal, { first, last, orgs, timely }: Batch): boolean {
  if (first === undefined || last === undefined) return true;
  return timely && orgs.size === 1 && orgs.has(seal.org) && first >= seal.from && last < seal.to;
}
