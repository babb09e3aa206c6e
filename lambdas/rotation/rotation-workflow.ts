/**
 * The workflow of a rotation, from the new DEK to the end of the old ones.
 *
 * Why nothing stays behind under an old DEK, with writers at work all the time:
 *
 * - A write is conditional on the very `info` string it has read (ValueStore.put), and a re-encryption changes that string. So
 *   once an item is under the new DEK as a whole, no writer who read it before can put what it read back.
 * - A writer who read the keyring before the new DEK was active may still seal under the old one. It has ended when the longest
 *   time of a function has passed. So after the first wait nothing new comes to stand under an old DEK, and an item
 *   found whole under the new one stays so.
 * - Hence a check that meets no old string after that wait proves that there is none. It only counts: a check that also mended
 *   would, interrupted and repeated, not meet what it mended before.
 * - Between the last re-encryption and that check the same wait lies again, so that a reader who got an item just before it was
 *   re-encrypted has ended as well when its DEK is retired.
 *
 * Every step can be repeated and can run beside itself: conditions hold, whoever runs it.
 */
import { functionTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import type { Clock } from '../shared/ports.ts';
import type { WorkflowSteps } from '../shared/workflow-ports.ts';
import type { RotationProgress, RotationProgressStore } from './rotation-ports.ts';
import { drainingVersions, isRotationRunning, type KeyringUpdater, type RotationInput } from './rotation-service.ts';
import type { DekVersionChunk, ReencryptionChunk, ValueReencryptor } from './value-reencryptor.ts';

/** A request that a function had sent when it was ended may arrive this much later. Seconds. */
const drainMarginSeconds = 5;
export const drainSeconds = functionTimeoutSeconds + drainMarginSeconds;

/** Between two chunks the function ends and begins anew, with all of its time. Seconds. */
const chunkPauseSeconds = 1;

interface Activation {
  /** The active version; undefined when there is nothing to do. */
  readonly to: number | undefined;
}

export class RotationWorkflow {
  readonly #keyringUpdater: KeyringUpdater;
  readonly #reencryptor: ValueReencryptor;
  readonly #progress: RotationProgressStore;
  readonly #clock: Clock;

  constructor(
    keyringUpdater: KeyringUpdater,
    reencryptor: ValueReencryptor,
    progress: RotationProgressStore,
    clock: Clock,
  ) {
    this.#keyringUpdater = keyringUpdater;
    this.#reencryptor = reencryptor;
    this.#progress = progress;
    this.#clock = clock;
  }

  /** @throws what makes a step fail for good: DecryptionError, VaultError `org_shredded` */
  async run({ org, from }: RotationInput, steps: WorkflowSteps): Promise<RotationProgress | object> {
    const { to } = await steps.step('activate', () => this.#activateNextDek(org, from));
    if (to === undefined) return {};
    const total = await this.#countValues(org, steps);
    let totals = { counted: 0, total, reencrypted: 0, damaged: 0 };
    for (let pass = 1; ; pass++) {
      const passResult = await this.#reencryptValues(org, to, pass, totals, steps);
      totals = { ...totals, counted: Math.max(totals.counted, passResult.counted), damaged: passResult.damaged };
      totals.reencrypted += passResult.reencrypted;
      await steps.wait(`drain-${pass}`, drainSeconds);
      const oldVersions = await this.#findOldDekVersions(org, pass, steps);
      if (oldVersions.length > 0 && !(pass > 1 && passResult.reencrypted === 0)) continue;
      return await steps.step('retire', () => this.#retireUnusedDeks(org, to, oldVersions, totals));
    }
  }

  async #activateNextDek(org: string, from: number): Promise<Activation> {
    const { keyring } = await this.#keyringUpdater.open(org);
    // The DEK before still drains: a rotation is at it, and it alone knows when to go on.
    if (keyring.activeVersion === from && isRotationRunning(keyring, await this.#progress.read(org)))
      return { to: undefined };
    const next = await this.#keyringUpdater.activate(org, from);
    const { activeVersion } = next.keyring;
    return { to: drainingVersions(next.keyring).length === 0 ? undefined : activeVersion };
  }

  async #countValues(org: string, steps: WorkflowSteps): Promise<number> {
    let total = 0;
    let after: string | undefined;
    for (let chunk = 1; ; chunk++) {
      const counted = await steps.step(`count-${chunk}`, () => this.#reencryptor.countChunk(org, after));
      total += counted.count;
      if (counted.last === undefined) return total;
      after = counted.last;
      await steps.wait(`count-${chunk}-pause`, chunkPauseSeconds);
    }
  }

  async #reencryptValues(
    org: string,
    to: number,
    pass: number,
    sums: ProgressCounts,
    steps: WorkflowSteps,
  ): Promise<ReencryptionChunk> {
    let sum: ReencryptionChunk = { counted: 0, reencrypted: 0, damaged: 0, last: undefined };
    for (let chunk = 1; ; chunk++) {
      const before = sum;
      const done = await steps.step(`sweep-${pass}-${chunk}`, async () => {
        const swept = addChunk(before, await this.#reencryptor.reencryptChunk(org, before.last));
        // Once all is re-encrypted, only the wait is left, unless the check finds what came meanwhile.
        const state = pass === 1 && swept.last !== undefined ? 'running' : 'draining';
        await this.#saveProgress(org, to, state, {
          total: sums.total,
          counted: Math.max(sums.counted, swept.counted),
          reencrypted: sums.reencrypted + swept.reencrypted,
          damaged: swept.damaged,
        });
        return swept;
      });
      sum = done;
      if (sum.last === undefined) return sum;
      await steps.wait(`sweep-${pass}-${chunk}-pause`, chunkPauseSeconds);
    }
  }

  /** DEK versions that something is still under, strings that name none included. */
  async #findOldDekVersions(org: string, pass: number, steps: WorkflowSteps): Promise<readonly number[]> {
    const left = new Set<number>();
    let after: string | undefined;
    for (let chunk = 1; ; chunk++) {
      const found: DekVersionChunk = await steps.step(`check-${pass}-${chunk}`, () =>
        this.#reencryptor.findOldDekVersions(org, after),
      );
      for (const version of found.left) left.add(version);
      if (found.last === undefined) return [...left];
      after = found.last;
      await steps.wait(`check-${pass}-${chunk}-pause`, chunkPauseSeconds);
    }
  }

  /**
   * Retires every DEK under which nothing is left. A value that can't be opened might be mended one day, so the DEK that it
   * names is kept, and every DEK when it names none: losing a key is for `shred`.
   */
  async #retireUnusedDeks(
    org: string,
    to: number,
    left: readonly number[],
    sums: ProgressCounts,
  ): Promise<RotationProgress> {
    const { keyring } = await this.#keyringUpdater.open(org);
    const draining = drainingVersions(keyring);
    const unused = left.includes(0) ? [] : draining.filter((version) => version < to && !left.includes(version));
    if (unused.length > 0) await this.#keyringUpdater.retire(org, to, unused);
    const isDone = draining.every((version) => unused.includes(version));
    return await this.#saveProgress(org, to, isDone ? 'done' : 'stuck', sums);
  }

  async #saveProgress(
    org: string,
    to: number,
    state: RotationProgress['state'],
    sums: ProgressCounts,
  ): Promise<RotationProgress> {
    const updatedAt = this.#clock().toISOString();
    const finished = state === 'done' ? { finishedAt: updatedAt } : {};
    const progress: RotationProgress = { to, state, ...sums, updatedAt, ...finished };
    await this.#progress.save(org, progress);
    return progress;
  }
}

type ProgressCounts = Pick<RotationProgress, 'counted' | 'total' | 'reencrypted' | 'damaged'>;

const addChunk = (
  sum: ReencryptionChunk,
  { counted, reencrypted, damaged, last }: ReencryptionChunk,
): ReencryptionChunk => ({
  counted: sum.counted + counted,
  reencrypted: sum.reencrypted + reencrypted,
  damaged: sum.damaged + damaged,
  last,
});
