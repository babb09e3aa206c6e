/**
 * Verifies an export of the audit offline (docs/format.md, section 8): with nothing but the lines and the public keys.
 * It reads line after line and keeps no record, so an export may be of any length.
 */

import { firstTimeIdAt, isTimeId, timeOfTimeId } from '../encoding/time-ordered-id.ts';
import { canonicalRecordBytes, type Seal, sealHash } from './audit-seal.ts';
import { leafHash, MerkleTreeHasher } from './merkle-tree.ts';

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
export type VerifySeal = (jws: string) => Seal | undefined;

/** The records since the last seal. */
interface RecordsSinceSeal {
  readonly tree: MerkleTreeHasher;
  firstId: string | undefined;
  lastId: string | undefined;
  orgs: Set<unknown>;
  idsAscend: boolean;
  timesMatchIds: boolean;
}

const newRecordsSinceSeal = (): RecordsSinceSeal => ({
  tree: new MerkleTreeHasher(),
  firstId: undefined,
  lastId: undefined,
  orgs: new Set(),
  idsAscend: true,
  timesMatchIds: true,
});

export class AuditVerifier {
  readonly #verifySeal: VerifySeal;
  readonly #problems: AuditProblem[] = [];
  /** Seals whose records are all gone: right only if a later seal was made after they might be. */
  readonly #sealsWithoutRecords: Seal[] = [];
  readonly #sealHashes = new Set<string>();
  #recordsSinceSeal = newRecordsSinceSeal();
  #lastSeal: Seal | undefined;
  #lastSealHash: string | undefined;
  #sealCount = 0;
  #verifiedRecordCount = 0;

  /**
   * @param after JWS of a seal that was verified before: what is given then follows it. Without it, it is all from the
   * first seal on. Throws RangeError when it is no seal that `read` takes.
   */
  constructor(read: VerifySeal, after?: string) {
    this.#verifySeal = read;
    if (after === undefined) return;
    this.#lastSeal = read(after);
    this.#lastSealHash = sealHash(after);
    if (this.#lastSeal === undefined) throw new RangeError('what came before is not a seal');
  }

  /** Takes the next line of an export, parsed: a record, or `{"seal": …}` after the records it covers. */
  addLine(line: unknown): void {
    if (typeof line !== 'object' || line === null)
      this.#addProblem('malformed', `${this.#describePosition()}: a line is no object`);
    else if ('seal' in line) this.#addSeal(line.seal);
    else this.#addRecord(line);
  }

  /**
   * Ends the export and says all that is wrong with it, in the order of its lines; nothing when it holds.
   * @param until milliseconds since 1970: the export must be complete up to then
   * @param includes hash of a seal that must be among its seals: the head of an earlier export
   */
  finish({ until, includes }: { until?: number | undefined; includes?: string | undefined } = {}): {
    readonly problems: readonly AuditProblem[];
    readonly summary: AuditSummary;
  } {
    const { count } = this.#recordsSinceSeal.tree;
    if (count > 0)
      this.#addProblem('unsealed', `${count} records stand after the last seal: the seal over them is missing`);
    if (this.#sealCount === 0) this.#addProblem('chain_broken', 'there is no seal at all');
    let expired = 0;
    for (const seal of this.#sealsWithoutRecords) {
      if (this.#lastSeal !== undefined && Date.parse(seal.keptUntil ?? '') <= Date.parse(this.#lastSeal.sealedAt)) {
        expired += seal.count;
      } else this.#addProblem('record_removed', `seal ${seal.seq}: all of its ${seal.count} records are missing`);
    }
    if (until !== undefined && (this.#lastSeal === undefined || this.#lastSeal.to < firstTimeIdAt(until))) {
      const end = this.#completeUntil() ?? 'nowhere';
      this.#addProblem('cut', `the export ends at ${end}, before ${new Date(until).toISOString()}`);
    }
    if (includes !== undefined && !this.#sealHashes.has(includes)) {
      this.#addProblem('chain_broken', `the seal ${includes} is not in this export: it tells another history`);
    }
    const summary: AuditSummary = {
      org: this.#lastSeal?.org,
      seals: this.#sealCount,
      records: this.#verifiedRecordCount,
      expired,
      completeUntil: this.#completeUntil(),
      head: this.#lastSealHash,
    };
    return { problems: this.#problems, summary };
  }

  #addRecord(record: object): void {
    const { id, org, time }: { readonly [name: string]: unknown } = { ...record };
    if (typeof id !== 'string' || !isTimeId(id)) {
      this.#addProblem('malformed', `${this.#describePosition()}: a line is neither a record nor a seal`);
      return;
    }
    const batch = this.#recordsSinceSeal;
    if (batch.lastId !== undefined && id <= batch.lastId) batch.idsAscend = false;
    if (typeof time !== 'string' || Date.parse(time) !== timeOfTimeId(id)) batch.timesMatchIds = false;
    batch.orgs.add(org);
    batch.firstId = batch.firstId === undefined || id < batch.firstId ? id : batch.firstId;
    batch.lastId = batch.lastId === undefined || id > batch.lastId ? id : batch.lastId;
    batch.tree.addLeaf(leafHash(canonicalRecordBytes(record)));
  }

  #addSeal(jws: unknown): void {
    const batch = this.#recordsSinceSeal;
    this.#recordsSinceSeal = newRecordsSinceSeal();
    const seal = typeof jws === 'string' ? this.#verifySeal(jws) : undefined;
    if (seal === undefined || typeof jws !== 'string') {
      this.#addProblem('seal_invalid', `${this.#describePosition()}: a seal is not one that the given keys signed`);
      return;
    }
    this.#sealCount++;
    this.#checkChain(seal);
    this.#checkRecords(seal, batch);
    this.#lastSeal = seal;
    this.#lastSealHash = sealHash(jws);
    this.#sealHashes.add(this.#lastSealHash);
  }

  #checkChain(seal: Seal): void {
    const last = this.#lastSeal;
    const wrong = (what: string) => this.#addProblem('chain_broken', `seal ${seal.seq}: ${what}`);
    const expected = last === undefined ? 1 : last.seq + 1;
    if (seal.seq !== expected) wrong(`seal ${expected} was to come here`);
    else if (seal.previous !== this.#lastSealHash) wrong('it follows another seal than the one before it');
    else if (seal.from !== (last?.to ?? firstTimeIdAt(0))) wrong('it does not begin where the one before it ends');
    else if (last !== undefined && seal.org !== last.org) wrong('it is of another organization');
  }

  #checkRecords(seal: Seal, batch: RecordsSinceSeal): void {
    const { tree } = batch;
    const at = `seal ${seal.seq}`;
    if (tree.count === 0 && seal.count > 0 && seal.keptUntil !== undefined) {
      this.#sealsWithoutRecords.push(seal);
      return;
    }
    if (tree.count < seal.count) {
      this.#addProblem('record_removed', `${at}: ${tree.count} records stand before it, it covers ${seal.count}`);
    } else if (tree.count > seal.count) {
      this.#addProblem('record_added', `${at}: ${tree.count} records stand before it, it covers ${seal.count}`);
    } else if (!batch.idsAscend) {
      this.#addProblem('record_reordered', `${at}: its records are not in the order of their ids, or one stands twice`);
    } else if (tree.root().toString('base64url') !== seal.root) {
      this.#addProblem('record_altered', `${at}: its records are not the ones that were sealed`);
    } else if (!isCoveredBySeal(seal, batch)) {
      this.#addProblem('seal_invalid', `${at}: it covers a record of another organization or time`);
    } else this.#verifiedRecordCount += seal.count;
  }

  #completeUntil(): string | undefined {
    return this.#lastSeal === undefined ? undefined : new Date(timeOfTimeId(this.#lastSeal.to)).toISOString();
  }

  #describePosition(): string {
    return this.#lastSeal === undefined ? 'before the first seal' : `after seal ${this.#lastSeal.seq}`;
  }

  #addProblem(code: AuditProblemCode, detail: string): void {
    this.#problems.push({ code, detail });
  }
}

/** Whether what a sealer signed could have been sealed so: a signature alone does not make that right. */
function isCoveredBySeal(seal: Seal, { firstId, lastId, orgs, timesMatchIds }: RecordsSinceSeal): boolean {
  if (firstId === undefined || lastId === undefined) return true;
  return timesMatchIds && orgs.size === 1 && orgs.has(seal.org) && firstId >= seal.from && lastId < seal.to;
}
