/** Seals the orgs that have new records, by their marks. */
import { mapConcurrent } from '../shared/map-concurrent.ts';
import type { Clock } from '../shared/ports.ts';
import { periodsBetween } from './audit-marker.ts';
import type { AuditMarkIndex } from './audit-ports.ts';
import { type AuditSealService, settleTimeMs } from './audit-seal-service.ts';

/**
 * Maximum look-back of the scheduled run in milliseconds. Without it, one org that cannot be sealed would make the
 * range grow without bound. An org that was missed for longer is sealed at its next use or export, starting from its
 * last seal.
 */
const maxLookBackMs = 24 * 3_600_000;

/** Maximum number of orgs sealed concurrently. */
const maxConcurrentOrgs = 8;

/** An org that could not be sealed, and why. */
export interface SealFailure {
  readonly org: string;
  readonly error: unknown;
}

export interface SealRunResult {
  readonly failures: readonly SealFailure[];
  /** Age of the end of the last period that is processed completely, milliseconds. */
  readonly lagMs: number;
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
  async run(shouldStop: () => boolean): Promise<SealRunResult> {
    const now = this.#clock().getTime();
    const stored = await this.#marks.getProgress();
    // Somebody who wrote a later time into the row would end all sealing, without an alarm.
    const progress = stored !== undefined && stored <= now ? stored : undefined;
    const since = Math.max(progress ?? 0, now - maxLookBackMs);
    let processedUntil = progress ?? since;
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
      if (failures.length > 0) continue;
      await this.#marks.advanceProgress(end, now);
      processedUntil = end;
    }
    return { failures, lagMs: now - processedUntil };
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
