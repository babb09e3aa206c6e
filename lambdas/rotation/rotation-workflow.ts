/**
 * The rotation workflow, from activating the new DEK to retiring the old ones.
 *
 * Why no data remains encrypted with a retired DEK although writers are active throughout:
 *
 * - A write is conditional on the exact `info` string that the writer read (ValueStore.putIfUnchanged), and
 *   re-encryption changes that string. Once an item is entirely encrypted with the new DEK, a writer that read it
 *   earlier cannot write the old state back.
 * - A writer that read the keyring before the new DEK became active may still encrypt with the old one. It ends
 *   within the maximum run time of a function. After the first wait, therefore, nothing more is encrypted with an old
 *   DEK, and an item found entirely under the new one stays so.
 * - A check after that wait that finds no old string therefore proves that there is none. The check only counts. If
 *   it also re-encrypted and were interrupted and repeated, it would not see what it had already re-encrypted.
 * - The same wait separates the last re-encryption from that check. A reader that read an item just before it was
 *   re-encrypted has therefore ended when its DEK is retired.
 *
 * Every step can be repeated and can run concurrently with itself, because all writes are conditional.
 */
import { functionTimeoutSeconds } from '../../contract/shared/environment-variables.ts';
import type { Clock } from '../shared/ports.ts';
import type { WorkflowSteps } from '../shared/workflow-ports.ts';
import type { RotationProgress, RotationProgressStore } from './rotation-ports.ts';
import { drainingVersions, isRotationRunning, type KeyringUpdater, type RotationInput } from './rotation-service.ts';
import type { DekVersionChunk, ReencryptionChunk, ValueReencryptor } from './value-reencryptor.ts';

/** A request that a function sent before it was terminated may arrive this much later. Seconds. */
const drainMarginSeconds = 5;
export const drainSeconds = functionTimeoutSeconds + drainMarginSeconds;

/** Pause between two chunks. The function ends and is invoked again with its full run time. Seconds. */
const chunkPauseSeconds = 1;

interface Activation {
  /** The active version; undefined if there is nothing to do. */
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

  /** @throws DecryptionError, VaultError `org_shredded` (permanent failures of a step) */
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
    // The previous DEK is still draining, so another rotation is running. Only that rotation may continue.
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
        // After the first pass only the wait remains, unless the check finds data that was written in the meantime.
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

  /** DEK versions other than the active one that stored strings still use; 0 for strings with an unusable header. */
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
   * Retires every DEK that no stored string uses. A value that cannot be decrypted might be repaired later, so the DEK
   * it names is kept. If it names none, all DEKs are kept. Only `shred` may destroy a key that is in use.
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
