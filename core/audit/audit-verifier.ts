/**
 * Verifies an audit export offline (docs/format.md, section 8). It needs only the lines and the public keys. It reads
 * line by line and keeps no records, so an export can have any length.
 */

import { firstTimeIdAt, isTimeId, timeOfTimeId } from '../encoding/time-ordered-id.ts';
import { canonicalRecordBytes, type Seal, sealHash } from './audit-seal.ts';
import { leafHash, MerkleTreeHasher } from './merkle-tree.ts';

/** The problems that an export can have. */
export type AuditProblemCode =
  /** A line is neither a record nor a seal. */
  | 'malformed'
  /** The signature or the content of a seal is invalid. */
  | 'seal_invalid'
  /** Seals are missing before this one, or it does not continue the previous one. */
  | 'chain_broken'
  | 'record_altered'
  | 'record_removed'
  | 'record_added'
  | 'record_reordered'
  /** Records are not covered by any seal. */
  | 'unsealed'
  /** The export ends before the time until which it must be complete, or before a seal that was verified earlier. */
  | 'cut'
  /** The export differs from a seal that was verified earlier. */
  | 'history_changed'
  /** The export is of another organization than expected. */
  | 'wrong_org';

export interface AuditProblem {
  readonly code: AuditProblemCode;
  /** Text for people: the position and what was expected. Contains only ids, numbers and times. */
  readonly detail: string;
}

export interface AuditSummary {
  readonly org: string | undefined;
  readonly seals: number;
  /** Records under valid seals. */
  readonly records: number;
  /** Records that are absent because the retention period in their seals had ended. */
  readonly expired: number;
  /** RFC 3339: all records before this time are in the export. Undefined without a seal. */
  readonly completeUntil: string | undefined;
  /** Number and hash of the last seal. Anyone who keeps it can detect a later export with a different history. */
  readonly headSeq: number | undefined;
  readonly head: string | undefined;
}

/** The last seal of an earlier verification. */
export interface RememberedHead {
  readonly seq: number;
  /** {@link sealHash} */
  readonly hash: string;
}

/** What an export must be in addition to being intact. */
export interface ExportExpectations {
  /** Milliseconds since 1970: the export must be complete up to this time. */
  readonly until?: number | undefined;
  /** Hash of a seal that the export must contain: the head of an earlier export. */
  readonly includes?: string | undefined;
  /** The organization that the export must be of. */
  readonly org?: string | undefined;
  /** Returns the head of an org that an earlier verification has remembered. */
  readonly remembered?: ((org: string) => RememberedHead | undefined) | undefined;
}

/** Verifies a JWS and returns the seal. Returns undefined when it is not a seal signed by one of the keys. */
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
  /**
   * Seals without any of their records. This is valid only if a later seal was made after their retention period had
   * ended.
   */
  readonly #sealsWithoutRecords: Seal[] = [];
  readonly #sealHashes = new Map<string, number>();
  readonly #orgs = new Set<string>();
  #recordsSinceSeal = newRecordsSinceSeal();
  #lastSeal: Seal | undefined;
  #lastSealHash: string | undefined;
  #sealCount = 0;
  #verifiedRecordCount = 0;

  /**
   * @param after JWS of a seal that was verified before; the lines must continue after it. Without it, the lines must
   *   begin with the first seal.
   * @throws RangeError when `read` rejects `after`
   */
  constructor(read: VerifySeal, after?: string) {
    this.#verifySeal = read;
    if (after === undefined) return;
    this.#lastSeal = read(after);
    this.#lastSealHash = sealHash(after);
    if (this.#lastSeal === undefined) throw new RangeError('the previous seal is not valid');
  }

  /** Adds the next parsed line of an export: a record, or `{"seal": …}` after the records that it covers. */
  addLine(line: unknown): void {
    if (typeof line !== 'object' || line === null)
      this.#addProblem('malformed', `${this.#describePosition()}: a line is not a JSON object`);
    else if ('seal' in line) this.#addSeal(line.seal);
    else this.#addRecord(line);
  }

  /** Ends the export and returns all problems in the order of the lines; none when the export is valid. */
  finish(expected: ExportExpectations = {}): {
    readonly problems: readonly AuditProblem[];
    readonly summary: AuditSummary;
  } {
    const { count } = this.#recordsSinceSeal.tree;
    if (count > 0) this.#addProblem('unsealed', `${count} records follow the last seal; the seal over them is missing`);
    if (this.#sealCount === 0) this.#addProblem('chain_broken', 'the export has no seal');
    let expired = 0;
    for (const seal of this.#sealsWithoutRecords) {
      if (this.#lastSeal !== undefined && Date.parse(seal.keptUntil ?? '') <= Date.parse(this.#lastSeal.sealedAt)) {
        expired += seal.count;
      } else this.#addProblem('record_removed', `seal ${seal.seq}: all of its ${seal.count} records are missing`);
    }
    this.#checkExpectations(expected);
    const summary: AuditSummary = {
      org: this.#lastSeal?.org,
      seals: this.#sealCount,
      records: this.#verifiedRecordCount,
      expired,
      completeUntil: this.#completeUntil(),
      headSeq: this.#lastSeal?.seq,
      head: this.#lastSealHash,
    };
    return { problems: this.#problems, summary };
  }

  #checkExpectations({ until, includes, org, remembered }: ExportExpectations): void {
    if (until !== undefined && (this.#lastSeal === undefined || this.#lastSeal.to < firstTimeIdAt(until))) {
      const end = this.#completeUntil() ?? 'the beginning';
      this.#addProblem('cut', `the export ends at ${end}, before ${new Date(until).toISOString()}`);
    }
    if (includes !== undefined && !this.#sealHashes.has(includes)) {
      this.#addProblem(
        'chain_broken',
        `the seal ${includes} is not in this export; its history differs from the earlier export`,
      );
    }
    if (org !== undefined && [...this.#orgs].some((one) => one !== org)) {
      this.#addProblem('wrong_org', `the export is of ${[...this.#orgs].join(', ')}, not of ${org}`);
    }
    for (const one of new Set([...this.#orgs, ...(org === undefined ? [] : [org])])) {
      const head = remembered?.(one);
      if (head !== undefined) this.#checkRemembered(one, head);
    }
  }

  /** A valid export that ends early or has another history is valid by itself. Only an earlier head shows it. */
  #checkRemembered(org: string, { seq, hash }: RememberedHead): void {
    if (this.#sealHashes.get(hash) === seq) return;
    const last = this.#lastSeal?.seq ?? 0;
    if (last < seq) {
      const end = last === 0 ? 'has no seal' : `ends with seal ${last}`;
      this.#addProblem('cut', `the export ${end}, but seal ${seq} of ${org} was verified earlier`);
    } else this.#addProblem('history_changed', `seal ${seq} of ${org} is not the seal that was verified earlier`);
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
      this.#addProblem(
        'seal_invalid',
        `${this.#describePosition()}: a seal is malformed or not signed by one of the given keys`,
      );
      return;
    }
    this.#sealCount++;
    this.#checkChain(seal);
    this.#checkRecords(seal, batch);
    this.#lastSeal = seal;
    this.#lastSealHash = sealHash(jws);
    this.#sealHashes.set(this.#lastSealHash, seal.seq);
    this.#orgs.add(seal.org);
  }

  #checkChain(seal: Seal): void {
    const last = this.#lastSeal;
    const wrong = (what: string) => this.#addProblem('chain_broken', `seal ${seal.seq}: ${what}`);
    const expected = last === undefined ? 1 : last.seq + 1;
    if (seal.seq !== expected) wrong(`seal ${expected} was expected here`);
    else if (seal.previous !== this.#lastSealHash) wrong('it does not refer to the seal before it');
    else if (seal.from !== (last?.to ?? firstTimeIdAt(0))) wrong('it does not begin where the one before it ends');
    else if (last !== undefined && seal.org !== last.org) wrong('it belongs to another organization');
  }

  #checkRecords(seal: Seal, batch: RecordsSinceSeal): void {
    const { tree } = batch;
    const at = `seal ${seal.seq}`;
    if (tree.count === 0 && seal.count > 0 && seal.keptUntil !== undefined) {
      this.#sealsWithoutRecords.push(seal);
      return;
    }
    if (tree.count < seal.count) {
      this.#addProblem('record_removed', `${at}: it covers ${seal.count} records, but ${tree.count} precede it`);
    } else if (tree.count > seal.count) {
      this.#addProblem('record_added', `${at}: it covers ${seal.count} records, but ${tree.count} precede it`);
    } else if (!batch.idsAscend) {
      this.#addProblem('record_reordered', `${at}: its records are not in the order of their ids, or one is repeated`);
    } else if (tree.root().toString('base64url') !== seal.root) {
      this.#addProblem('record_altered', `${at}: its records differ from the records that were sealed`);
    } else if (!isCoveredBySeal(seal, batch)) {
      this.#addProblem('seal_invalid', `${at}: it covers a record of another organization or time range`);
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

/**
 * Whether the records belong under the seal: their org, ids and times match it. A valid signature does not prove that.
 */
function isCoveredBySeal(seal: Seal, { firstId, lastId, orgs, timesMatchIds }: RecordsSinceSeal): boolean {
  if (firstId === undefined || lastId === undefined) return true;
  return timesMatchIds && orgs.size === 1 && orgs.has(seal.org) && firstId >= seal.from && lastId < seal.to;
}
