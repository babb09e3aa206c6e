/** Prunes a log to an acknowledged checkpoint (docs/device-service.md, section 6), step by step. */
import { deviceLimits } from '../../contract/devices/limits.ts';
import type { PruneDeviceLogResponse } from '../../contract/devices/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { parseSignedEntry } from '../../core/devices/chain-entry.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import { type CompactionParts, CompactionRefused, firstStep, nextStep } from './compaction-steps.ts';
import type { LogStore } from './device-ports.ts';
import type { PairingService } from './pairing-service.ts';
import type { BundleStore, StoredCompaction } from './pruning-ports.ts';
import type { Roster } from './roster-verifier.ts';

/** Time that a request spends on steps: the last one can take a few seconds more. And entries of one step. */
const defaults = { budgetMs: 5_000, entriesAtOnce: 200 };

const refused = (detail: string): VaultError =>
  new VaultError('prune_refused', { detail: `Nothing was deleted: ${detail}.` });

export interface PruneServiceDeps {
  readonly logs: LogStore;
  readonly bundles: BundleStore;
  readonly pairings: Pick<PairingService, 'list'>;
}

export class PruneService {
  readonly #deps: PruneServiceDeps;
  readonly #sizes: typeof defaults;

  /** @param sizes time for the steps of a request, of which one is always done; entries of a step */
  constructor(deps: PruneServiceDeps, sizes = defaults) {
    this.#deps = deps;
    this.#sizes = sizes;
  }

  /**
   * Does some of the steps. A pruning that was begun goes on first, whichever checkpoint it is to.
   * @throws VaultError `prune_refused`, `forbidden` for the recovery member, `unavailable`
   */
  async prune({ state }: Roster, device: string, checkpoint: number): Promise<PruneDeviceLogResponse> {
    const { scope } = state;
    if (state.members.get(device)?.role === 'recovery') throw new VaultError('forbidden');
    const until = performance.now() + this.#sizes.budgetMs;
    let compaction = (await this.#deps.bundles.getCompaction(scope)) ?? (await this.#begin(scope, checkpoint));
    while (typeof compaction === 'object') {
      const { step } = compaction;
      const next = await this.#advance(scope, compaction);
      // Another request was faster, and goes on.
      if (next === undefined) return { checkpoint: compaction.checkpoint, done: false, step };
      if (next === 'done') return { checkpoint: compaction.checkpoint, done: true, step: step + 1 };
      if (performance.now() > until) return { checkpoint: next.checkpoint, done: false, step: next.step };
      compaction = next;
    }
    return { checkpoint: compaction, done: true, step: 0 };
  }

  /** @returns the checkpoint that the log is pruned to, if that is this or a later one */
  async #begin(scope: VaultScope, checkpoint: number): Promise<StoredCompaction | number> {
    const { logs, bundles } = this.#deps;
    const bundle = await bundles.getBundle(scope);
    if (bundle !== undefined && bundle.seq >= checkpoint) return bundle.seq;
    const entry = parseSignedEntry((await logs.get(scope, checkpoint)) ?? new Uint8Array(0));
    if (typeof entry === 'string' || entry.kind !== 'checkpoint') throw refused('there is no such checkpoint');
    if (checkpoint > deviceLimits.prunableEntries) throw refused('the log has had too many entries');
    const first = firstStep(scope, checkpoint, bundle);
    if (await bundles.putCompaction(scope, first, undefined)) return first;
    return (await bundles.getCompaction(scope)) ?? first;
  }

  /** @returns undefined if another request did this step */
  async #advance(scope: VaultScope, compaction: StoredCompaction): Promise<StoredCompaction | 'done' | undefined> {
    const { logs, bundles } = this.#deps;
    const { entriesAtOnce } = this.#sizes;
    const parts: CompactionParts = { scope, logs, bundles, entriesAtOnce };
    if (compaction.phase === 'publish') await this.#requireNoPairing(scope);
    const next = await nextStep(parts, compaction).catch(async (error: unknown) => {
      if (!(error instanceof CompactionRefused)) throw error;
      await bundles.deleteCompaction(scope, compaction.step);
      throw refused(error.message);
    });
    if (next === 'done') {
      await bundles.deleteCompaction(scope, compaction.step);
      return next;
    }
    return (await bundles.putCompaction(scope, next, compaction.step)) ? next : undefined;
  }

  /** A device that joins compares a head that it was shown with the log. That entry must still be there. */
  async #requireNoPairing(scope: VaultScope): Promise<void> {
    const { pairings } = await this.#deps.pairings.list(scope);
    if (pairings.length > 0) throw refused('a pairing is open; it ends within ten minutes');
  }
}
