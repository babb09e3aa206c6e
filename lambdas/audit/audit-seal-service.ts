/** Seals the audit: periodically signs a statement over the records of an org since its last seal. */

import { functionTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { type Seal, sealHash, sealJwsType } from '../../core/audit/audit-seal.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import { firstTimeIdAt, timeOfTimeId } from '../../core/encoding/time-ordered-id.ts';
import type { Clock, Signer } from '../shared/ports.ts';
import { AuditHeadConflict, type AuditHeads, type VerifiedHead } from './audit-heads.ts';
import type { AuditHeadStore, AuditReader, ReportTripwires, StoredAuditRecord, StoredSeal } from './audit-ports.ts';
import { coversStoredRecords, describeBatch, readUnsealedRecords, selectSealBatch } from './seal-batch.ts';

/**
 * Minimum age in milliseconds of records to be sealed. It must exceed the age of any record that may still arrive. A
 * function writes its record within its timeout; the rest is a margin for clock differences.
 */
export const settleTimeMs = (functionTimeoutSeconds + 45) * 1000;

/**
 * Minimum length in milliseconds of an empty range to be sealed, so that frequent requests do not create more seals.
 */
const minEmptyRangeMs = 60_000;

interface SealOptions {
  /** Whether to seal a range without records too. */
  readonly sealEmptyRange?: boolean;
  /** Called after each seal; true stops the run early. */
  readonly shouldStop?: () => boolean;
}

interface AuditSealPorts {
  readonly records: AuditReader;
  readonly heads: AuditHeads;
  readonly store: AuditHeadStore;
  readonly signer: Signer;
  readonly reportTripwires: ReportTripwires;
  readonly clock: Clock;
}

/** What one run has found. */
interface RunFindings {
  /** Numbers of seals at which the bucket has objects without a valid seal. */
  readonly foreign: Set<number>;
  /** The report of tripwires, which goes on beside the seals; undefined if there was none. */
  report: Promise<void> | undefined;
}

export class AuditSealService {
  readonly #ports: AuditSealPorts;

  constructor(ports: AuditSealPorts) {
    this.#ports = ports;
  }

  /**
   * Seals the records that are old enough. It can be repeated, interrupted and run concurrently. A seal is stored only
   * if its number is free; a run that loses continues from the stored seal. If the records have tripwires, it reports
   * that once, before the seal is stored: a run that is interrupted, or cannot store, then reports it again, and no
   * report is lost with it.
   * @returns whether all of them are sealed
   * @throws VaultError `unavailable`, `key_unavailable`; AuditHeadConflict if the locked bucket has objects of others.
   *   The records are sealed then as far as possible.
   */
  async seal(org: string, { sealEmptyRange = false, shouldStop = () => false }: SealOptions = {}): Promise<boolean> {
    const end = firstTimeIdAt(this.#ports.clock().getTime() - settleTimeMs);
    const found: RunFindings = { foreign: new Set(), report: undefined };
    let isComplete = true;
    try {
      while (await this.#sealNext(org, end, sealEmptyRange, found)) {
        if (shouldStop()) {
          isComplete = false;
          break;
        }
      }
    } finally {
      await found.report;
    }
    if (found.foreign.size > 0) {
      throw new AuditHeadConflict(
        'The locked bucket has objects at numbers of seals that are not signed by the vault.',
      );
    }
    return isComplete;
  }

  /**
   * Creates the next seal. Returns whether there may be more records before `end`.
   * @param found receives what is found
   */
  async #sealNext(org: string, end: string, sealEmptyRange: boolean, found: RunFindings): Promise<boolean> {
    // Only the locked bucket decides what is sealed. A writer of the table must not decide that.
    const { head: last, invalid } = await this.#ports.heads.findLatest(org);
    for (const seq of invalid) found.foreign.add(seq);
    const from = last?.seal.to ?? firstTimeIdAt(0);
    if (from >= end) return false;
    const covered = selectSealBatch(await readUnsealedRecords(this.#ports.records, org, from, end), end);
    const isEmpty = covered.records.length === 0 && covered.to === end;
    if (isEmpty && !(sealEmptyRange && timeOfTimeId(end) - timeOfTimeId(from) >= minEmptyRangeMs)) return false;
    if (covered.records.some(hasTripwires)) found.report ??= this.#ports.reportTripwires(org);
    const seal: Seal = {
      org,
      seq: (last?.seq ?? 0) + 1,
      from,
      ...(last === undefined ? {} : { previous: sealHash(last.jws) }),
      sealedAt: this.#ports.clock().toISOString(),
      ...describeBatch(covered),
    };
    const jws = await this.#ports.signer.sign(seal, sealJwsType);
    const stored = await this.#ports.store.addHead(org, { seq: seal.seq, jws });
    if (!stored) await this.#adopt(org, { seq: seal.seq, jws }, last, found.foreign);
    return !stored || covered.to !== end;
  }

  /**
   * Accepts the seal that another run stored, or this one if only the reply was lost. If the object has no valid seal,
   * another principal created it. The seal is then added to its versions: the oldest valid version counts.
   * @throws AuditHeadConflict if the stored seal does not match
   */
  async #adopt(org: string, own: StoredSeal, last: VerifiedHead | undefined, foreign: Set<number>): Promise<void> {
    const { heads, store } = this.#ports;
    const winner = await heads.find(org, own.seq);
    if (winner?.jws === own.jws) return;
    if (winner !== undefined) {
      if (continues(winner.seal, last) && (await coversStoredRecords(this.#ports.records, winner.seal))) return;
      throw new AuditHeadConflict('A stored seal does not match the seal before it, or the records that it covers.');
    }
    foreign.add(own.seq);
    await store.addVersion(org, own);
    if ((await heads.find(org, own.seq)) !== undefined) return;
    throw new AuditHeadConflict('The object of a seal has too many versions. Nothing more was signed.');
  }
}

const hasTripwires = ({ record: { tripwires = [] } }: StoredAuditRecord): boolean => tripwires.length > 0;

/** Whether a seal continues the one before it. */
function continues({ from, previous }: Seal, last: VerifiedHead | undefined): boolean {
  if (last === undefined) return from === firstTimeIdAt(0) && previous === undefined;
  return from === last.seal.to && previous === sealHash(last.jws);
}

/** The org of a direct invocation; undefined for a scheduled one. @throws VaultError `invalid_request` */
export function parseSealEvent(event: unknown): string | undefined {
  const org = typeof event === 'object' && event !== null && 'org' in event ? event.org : undefined;
  if (org === undefined) return undefined;
  if (typeof org !== 'string' || !isOpaqueId(org)) throw new VaultError('invalid_request');
  return org;
}
