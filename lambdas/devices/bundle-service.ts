/** What a pruned log has in place of its old entries (docs/device-service.md, section 6). */
import { deviceLimits } from '../../contract/devices/limits.ts';
import type { PrunedLog, ReadBundleEntriesResponse, ReadBundleRecordsResponse } from '../../contract/devices/wire.ts';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { recordKey } from '../../core/devices/chain-state.ts';
import { decodeState } from '../../core/devices/state-snapshot.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import { encodeBase64Field } from '../shared/base64-field.ts';
import type { LogStore, RosterStore } from './device-ports.ts';
import { proofOf } from './entry-hashes.ts';
import { withWraps } from './entry-wraps.ts';
import type { BundleStore, StoredBundle } from './pruning-ports.ts';
import type { Roster } from './roster-verifier.ts';

/** Roster entries of one answer, with wraps of up to 8 KiB each. */
const entriesAtOnce = 100;
/** Bytes of changes in one answer: base64 has 4 characters for 3 bytes, and each change has some JSON around it. */
const maxBytes = Math.floor((deviceLimits.deviceLogReplyBytes * 3) / 4) - 400_000;

export interface BundleServiceDeps {
  readonly rosters: Pick<RosterStore, 'getAttachments'>;
  readonly logs: LogStore;
  readonly bundles: BundleStore;
}

export class BundleService {
  readonly #deps: BundleServiceDeps;

  constructor(deps: BundleServiceDeps) {
    this.#deps = deps;
  }

  /** What a reader gets whose next entry was pruned; undefined if it was not. @throws VaultError `unavailable` */
  async prunedAfter(scope: VaultScope, after: number): Promise<PrunedLog | undefined> {
    const { bundles } = this.#deps;
    const bundle = await bundles.getBundle(scope);
    if (bundle === undefined || after >= bundle.seq - 1) return undefined;
    const proof = after === 0 ? [] : await proofOf(bundles, scope, after - 1, bundle.seq - 1);
    return { checkpoint: bundle.seq, proof: proof.map(encodeBase64Field) };
  }

  /** Whether the place of an entry was pruned, so that it stays empty. */
  async isPruned(scope: VaultScope, seq: number): Promise<boolean> {
    const bundle = await this.#deps.bundles.getBundle(scope);
    return bundle !== undefined && seq < bundle.seq;
  }

  /** Bytes of the log that pruning has freed. */
  async freedBytes(scope: VaultScope): Promise<number> {
    const bundle = await this.#deps.bundles.getBundle(scope);
    return bundle === undefined ? 0 : bundle.appendedBytes - bundle.keptBytes;
  }

  /** @throws VaultError `bundle_replaced`, `unavailable` */
  async entries({ state: { scope } }: Roster, checkpoint: string, after: number): Promise<ReadBundleEntriesResponse> {
    const { rosters, logs } = this.#deps;
    const bundle = await this.#require(scope, checkpoint);
    const wanted = [...bundle.kept, bundle.seq].filter((seq) => seq > after);
    const found = await Promise.all(wanted.slice(0, entriesAtOnce).map((seq) => logs.get(scope, seq)));
    const entries = found.flatMap((signed) => (signed === undefined ? [] : [{ signed }]));
    const { entries: tree } = await decodeState(scope, bundle.state);
    return {
      entries: await withWraps(rosters, scope, entries),
      subtrees: tree.subtrees.map(encodeBase64Field),
      more: wanted.length > entriesAtOnce,
    };
  }

  /** The records after one. @throws VaultError `bundle_replaced`, `unavailable` */
  async records(
    { state: { scope } }: Roster,
    checkpoint: string,
    after: { readonly type: string; readonly id: string } | undefined,
  ): Promise<ReadBundleRecordsResponse> {
    const { seq } = await this.#require(scope, checkpoint);
    const from = after === undefined ? '' : recordKey(after);
    const { rows, more } = await this.#deps.bundles.listRows(scope, from, seq, maxBytes);
    return { records: rows.map(({ epoch, change }) => ({ epoch, change: encodeBase64Field(change) })), more };
  }

  async #require(scope: VaultScope, checkpoint: string): Promise<StoredBundle> {
    const bundle = await this.#deps.bundles.getBundle(scope);
    if (bundle === undefined || String(bundle.seq) !== checkpoint) throw new VaultError('bundle_replaced');
    return bundle;
  }
}
