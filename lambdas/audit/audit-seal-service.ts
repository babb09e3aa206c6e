/** Seals the audit: periodically signs a statement over the records of an org since its last seal. */

import type { AuditRecord } from '../../contract/audit/wire.ts';
import { functionTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import { limits } from '../../contract/shared/limits.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import {
  canonicalRecordBytes,
  decodeSealUnverified,
  type Seal,
  sealHash,
  sealJwsType,
} from '../../core/audit/audit-seal.ts';
import { leafHash, MerkleTreeHasher } from '../../core/audit/merkle-tree.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import { firstTimeIdAt, timeOfTimeId } from '../../core/encoding/time-ordered-id.ts';
import { mapConcurrent } from '../shared/map-concurrent.ts';
import type { Clock, Signer } from '../shared/ports.ts';
import { periodsBetween } from './audit-marker.ts';
import type { AuditMarkIndex, AuditPage, SealStore } from './audit-ports.ts';

/**
 * Minimum age in milliseconds of records to be sealed. It must exceed the age of any record that may still arrive. A
 * function writes its record within its timeout; the rest is a margin for clock differences.
 */
export const settleTimeMs = (functionTimeoutSeconds + 45) * 1000;

/** Maximum contents of one seal, so that a reply can hold it together with its records. */
const recordsPerSeal = 1000;
const bytesPerSeal = limits.batchReplyBytes / 2;

/**
 * Maximum look-back of the scheduled run in milliseconds. Without it, one org that cannot be sealed would make the
 * range grow without bound. An org that was missed for longer is sealed at its next use or export, starting from its
 * last seal.
 */
const maxLookBackMs = 24 * 3_600_000;

/** Maximum number of orgs sealed concurrently. */
const maxConcurrentOrgs = 8;

/**
 * Minimum length in milliseconds of an empty range to be sealed, so that frequent requests do not create more seals.
 */
const minEmptyRangeMs = 60_000;

/**
 * Size of a record in a reply in bytes. Lambda's response contains the JSON body as a JSON string, which escapes quotes
 * again.
 */
export const recordReplyBytes = (record: AuditRecord): number =>
  Buffer.byteLength(JSON.stringify(JSON.stringify(record)), 'utf8');

interface SealOptions {
  /** Whether to seal a range without records too. */
  readonly sealEmptyRange?: boolean;
  /** Called after each seal; true stops the run early. */
  readonly shouldStop?: () => boolean;
}

export class AuditSealService {
  readonly #store: SealStore;
  readonly #signer: Signer;
  readonly #clock: Clock;

  constructor(store: SealStore, signer: Signer, clock: Clock) {
    this.#store = store;
    this.#signer = signer;
    this.#clock = clock;
  }

  /**
   * Seals the records that are old enough. It can be repeated, interrupted and run concurrently. A seal is stored only
   * if its number is free; a run that loses continues from the stored seal.
   * @returns whether all of them are sealed
   * @throws VaultError `unavailable`, `key_unavailable`; DecryptionError if the last seal is malformed
   */
  async seal(org: string, { sealEmptyRange = false, shouldStop = () => false }: SealOptions = {}): Promise<boolean> {
    const end = firstTimeIdAt(this.#clock().getTime() - settleTimeMs);
    while (await this.#sealNext(org, end, sealEmptyRange)) if (shouldStop()) return false;
    return true;
  }

  /** Creates the next seal. Returns whether there may be more records before `end`. */
  async #sealNext(org: string, end: string, sealEmptyRange: boolean): Promise<boolean> {
    const last = await this.#store.getLatestSeal(org);
    const before = last === undefined ? undefined : { ...decodeSeal(last.jws), hash: sealHash(last.jws) };
    const from = before?.to ?? firstTimeIdAt(0);
    if (from >= end) return false;
    const covered = selectSealBatch(await this.#store.listRecords(org, from, end, recordsPerSeal + 1), end);
    const isEmpty = covered.records.length === 0 && covered.to === end;
    if (isEmpty && !(sealEmptyRange && timeOfTimeId(end) - timeOfTimeId(from) >= minEmptyRangeMs)) return false;
    const seq = (before?.seq ?? 0) + 1;
    const jws = await this.#signer.sign(this.#buildSeal(org, seq, from, before?.hash, covered), sealJwsType);
    const stored = await this.#store.addSeal(org, { seq, jws });
    return !stored || covered.to !== end;
  }

  #buildSeal(org: string, seq: number, from: string, previous: string | undefined, covered: SealBatch): Seal {
    const tree = new MerkleTreeHasher();
    for (const { record } of covered.records) tree.addLeaf(leafHash(canonicalRecordBytes(record)));
    const ttls = covered.records.map(({ ttl }) => ttl ?? Number.POSITIVE_INFINITY);
    const earliestTtl = Math.min(...ttls);
    return {
      org,
      seq,
      from,
      to: covered.to,
      count: tree.count,
      root: tree.root().toString('base64url'),
      ...(previous === undefined ? {} : { previous }),
      sealedAt: this.#clock().toISOString(),
      ...(Number.isFinite(earliestTtl) ? { keptUntil: new Date(earliestTtl * 1000).toISOString() } : {}),
    };
  }
}

interface SealBatch {
  readonly records: readonly { readonly record: AuditRecord; readonly ttl?: number | undefined }[];
  /** Exclusive. */
  readonly to: string;
}

/** Selects the records of one seal. Malformed items are skipped, because the vault did not write them. */
function selectSealBatch({ items, more }: AuditPage, end: string): SealBatch {
  const records: SealBatch['records'][number][] = [];
  let bytes = 0;
  for (const { id, stored } of items) {
    if (id >= end) break;
    if (stored === undefined) continue;
    bytes += recordReplyBytes(stored.record);
    if (records.length === recordsPerSeal || (bytes > bytesPerSeal && records.length > 0)) return { records, to: id };
    records.push(stored);
  }
  const last = items.at(-1);
  // The page did not reach the end of the range. The seal ends before the last item, and the next seal starts with it.
  if (more && last !== undefined && last.id < end) {
    return { records: records.filter(({ record }) => record.id !== last.id), to: last.id };
  }
  return { records, to: end };
}

/**
 * Decodes a stored seal. Its signature is not verified here; verifiers of an export check it. @throws DecryptionError
 */
function decodeSeal(jws: string): Seal {
  const seal = decodeSealUnverified(jws);
  if (seal === undefined) throw new DecryptionError();
  return seal;
}

/** An org that could not be sealed, and why. */
export interface SealFailure {
  readonly org: string;
  readonly error: unknown;
}

/** Seals all orgs with new records. Also covers periods that earlier runs missed, up to the look-back limit. */
export class ScheduledSealRun {
  readonly #sealService: AuditSealService;
  readonly #marks: AuditMarkIndex;
  readonly #clock: Clock;

  constructor(sealService: AuditSealService, marks: AuditMarkIndex, clock: Clock) {
    this.#sealService = sealService;
    this.#marks = marks;
    this.#clock = clock;
  }

  /**
   * Performs one run. If an org fails, its period is not marked as processed, so the next run retries it. Other orgs
   * are still sealed.
   * @param shouldStop returns true to stop the run early
   * @throws VaultError `unavailable` if the marks cannot be read
   */
  async run(shouldStop: () => boolean): Promise<readonly SealFailure[]> {
    const now = this.#clock().getTime();
    const since = Math.max((await this.#marks.getProgress()) ?? 0, now - maxLookBackMs);
    const sealedOrgs = new Set<string>();
    const failures: SealFailure[] = [];
    // The index is eventually consistent, so a period is read only after its records have settled.
    for (const { marks, end } of periodsBetween(since, now - settleTimeMs)) {
      if (shouldStop()) break;
      const marked = (await mapConcurrent(marks, maxConcurrentOrgs, (mark) => this.#marks.listOrgs(mark))).flat();
      const orgs = marked.filter((org) => !sealedOrgs.has(org));
      const results = await mapConcurrent(orgs, maxConcurrentOrgs, (org) => this.#sealOrg(org, shouldStop));
      for (const org of orgs) sealedOrgs.add(org);
      failures.push(...results.filter((result) => result !== undefined && result !== 'unfinished'));
      if (results.includes('unfinished')) break;
      if (failures.length === 0) await this.#marks.advanceProgress(end);
    }
    return failures;
  }

  async #sealOrg(org: string, shouldStop: () => boolean): Promise<SealFailure | 'unfinished' | undefined> {
    if (shouldStop()) return 'unfinished';
    try {
      return (await this.#sealService.seal(org, { shouldStop })) ? undefined : 'unfinished';
    } catch (error) {
      return { org, error };
    }
  }
}

/** The org of a direct invocation; undefined for a scheduled one. @throws VaultError `invalid_request` */
export function parseSealEvent(event: unknown): string | undefined {
  const org = typeof event === 'object' && event !== null && 'org' in event ? event.org : undefined;
  if (org === undefined) return undefined;
  if (typeof org !== 'string' || !isOpaqueId(org)) throw new VaultError('invalid_request');
  return org;
}
