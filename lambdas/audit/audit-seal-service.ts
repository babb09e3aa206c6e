/** The rules of sealing: from time to time, a signed statement over the records of an org since the last one. */

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
 * Age from which records are sealed, milliseconds: older than any that could still be on its way. A function writes its
 * record within its timeout; the rest is for clocks that differ.
 */
export const settleTimeMs = (functionTimeoutSeconds + 45) * 1000;

/** What one seal covers at most, so that it fits one reply together with its records. */
const recordsPerSeal = 1000;
const bytesPerSeal = limits.batchReplyBytes / 2;

/**
 * How far back the schedule looks at most, milliseconds: one org that can't be sealed must not make it look at ever more.
 * An org that was missed for longer is sealed as soon as it is used or exported again, from where its last seal ended.
 */
const maxLookBackMs = 24 * 3_600_000;

/** Orgs sealed at once. */
const maxConcurrentOrgs = 8;

/** An empty range is sealed only when it is longer than this, milliseconds: asking often makes no more seals. */
const minEmptyRangeMs = 60_000;

/** Bytes of a record in a reply: JSON within the JSON of Lambda's answer, which escapes quotes once more. */
export const recordReplyBytes = (record: AuditRecord): number =>
  Buffer.byteLength(JSON.stringify(JSON.stringify(record)), 'utf8');

interface SealOptions {
  /** Whether to state as well that there was nothing. */
  readonly sealEmptyRange?: boolean;
  /** Asked after each seal: whether to stop although there is more. */
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
   * Seals what is old enough. It can be repeated, interrupted and run twice at once: a seal is stored only if there is
   * none of its number, and whoever comes second goes on from that one.
   * @returns whether all was sealed
   * @throws VaultError `unavailable`, `key_unavailable`; DecryptionError when the last seal is not one
   */
  async seal(org: string, { sealEmptyRange = false, shouldStop = () => false }: SealOptions = {}): Promise<boolean> {
    const end = firstTimeIdAt(this.#clock().getTime() - settleTimeMs);
    while (await this.#sealNext(org, end, sealEmptyRange)) if (shouldStop()) return false;
    return true;
  }

  /** Seals the first records that no seal covers yet, and returns whether there may be more before `end`. */
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

/** As many records as one seal takes. Items that are no records are none: whoever put them there has not been audited. */
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
  // The page ended before the range did: the seal ends before the last item, which the next one begins with.
  if (more && last !== undefined && last.id < end) {
    return { records: records.filter(({ record }) => record.id !== last.id), to: last.id };
  }
  return { records, to: end };
}

/** The content of a stored seal. Its signature is for who verifies an export. @throws DecryptionError */
function decodeSeal(jws: string): Seal {
  const seal = decodeSealUnverified(jws);
  if (seal === undefined) throw new DecryptionError();
  return seal;
}

/** Why an org could not be sealed. */
export interface SealFailure {
  readonly org: string;
  readonly error: unknown;
}

/** Seals the orgs that have new records, however many periods the schedule has missed. */
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
   * One run. A period in which an org could not be sealed is not done, so that the next run tries again; the other orgs are
   * sealed all the same.
   * @param shouldStop whether to stop although there is more
   * @throws VaultError `unavailable` when the marks can't be read
   */
  async run(shouldStop: () => boolean): Promise<readonly SealFailure[]> {
    const now = this.#clock().getTime();
    const since = Math.max((await this.#marks.getProgress()) ?? 0, now - maxLookBackMs);
    const sealedOrgs = new Set<string>();
    const failures: SealFailure[] = [];
    // The index lags behind the table a little, so a period is looked at only once its records have settled.
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

/** The org that an invocation of the sealer names; undefined when it is one of the schedule. @throws VaultError `invalid_request` */
export function parseSealEvent(event: unknown): string | undefined {
  const org = typeof event === 'object' && event !== null && 'org' in event ? event.org : undefined;
  if (org === undefined) return undefined;
  if (typeof org !== 'string' || !isOpaqueId(org)) throw new VaultError('invalid_request');
  return org;
}
