/**
 * The steps of pruning (docs/device-service.md, section 6). Each does a bounded part, and can be repeated: what it writes
 * follows from the log alone. Nothing is deleted before the bundle was verified and published.
 */
import { deviceLimits } from '../../contract/devices/limits.ts';
import { parseCheckpoint } from '../../core/devices/apply-content.ts';
import { applyEntry } from '../../core/devices/apply-entry.ts';
import { isRosterKind, parseSignedEntry } from '../../core/devices/chain-entry.ts';
import {
  type ChainState,
  encodeRecordLeaf,
  initialState,
  type RecordHead,
  recordKey,
  toRecordMap,
} from '../../core/devices/chain-state.ts';
import { appendLeaf, frontierRoot, merkleLeafHash } from '../../core/devices/merkle-frontier.ts';
import { changeHash, encodeChange, parseChange, parseChanges } from '../../core/devices/record-changes.ts';
import { decodeState, encodeState } from '../../core/devices/state-snapshot.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import { type Bytes, equalBytes } from '../../core/encoding/bytes.ts';
import { awaitDecryption } from '../shared/error-classification.ts';
import type { LogStore } from './device-ports.ts';
import { addHashes } from './entry-hashes.ts';
import type { BundleStore, RecordRow, StoredBundle, StoredCompaction } from './pruning-ports.ts';

/** Bytes of entries of one step, and requests to the table at a time. */
const bytesAtOnce = 2_000_000;
const requestsAtOnce = 16;
const noRecords = toRecordMap([]);

/** Why pruning to a checkpoint cannot go on. */
export class CompactionRefused extends Error {}

export interface CompactionParts {
  readonly scope: VaultScope;
  readonly logs: LogStore;
  readonly bundles: BundleStore;
  /** Entries of one step. */
  readonly entriesAtOnce: number;
}

/** The next step's compaction; `done` after the last one. */
type Next = StoredCompaction | 'done';

export async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += requestsAtOnce)
    await Promise.all(items.slice(at, at + requestsAtOnce).map(run));
}

const encoded = (state: ChainState): Uint8Array => encodeState({ ...state, records: noRecords });

/** A state that this service stored itself. Its table is not trusted, so it may have another form. */
async function decoded(scope: VaultScope, state: Uint8Array | undefined): Promise<ChainState> {
  const found = state && (await awaitDecryption(decodeState(scope, state)));
  if (found === undefined) throw new CompactionRefused('what is stored of an earlier step is damaged');
  return found;
}

/** The first step: goes on after the checkpoint before. */
export function firstStep(scope: VaultScope, checkpoint: number, before: StoredBundle | undefined): StoredCompaction {
  return {
    checkpoint,
    step: 0,
    phase: 'collect',
    state: before?.state ?? encoded(initialState(scope)),
    kept: before?.kept ?? [],
    appendedBytes: before?.appendedBytes ?? 0,
    keptBytes: 0,
    tree: [],
    treeCount: 0,
    record: '',
    ahead: undefined,
    deletedTo: Math.max(0, (before?.seq ?? 0) - 1),
  };
}

/** @throws CompactionRefused */
export async function nextStep(parts: CompactionParts, compaction: StoredCompaction): Promise<Next> {
  const next = { ...compaction, step: compaction.step + 1 };
  switch (compaction.phase) {
    case 'collect':
      return await collect(parts, next);
    case 'verify':
      return await verify(parts, next);
    case 'acknowledge':
      return await findAcknowledgement(parts, next);
    case 'publish':
      return await publish(parts, next);
    case 'delete':
      return await deleteSome(parts, next);
  }
}

/** Verifies entries, and stores their hashes and the newest changes in them. */
async function collect(
  { scope, logs, bundles, entriesAtOnce }: CompactionParts,
  compaction: StoredCompaction,
): Promise<Next> {
  const before = await decoded(scope, compaction.state);
  const first = before.head.seq + 1;
  if (first === compaction.checkpoint) return { ...compaction, phase: 'verify' };
  const page = await logs.list(scope, first - 1, entriesAtOnce, bytesAtOnce);
  const entries = page.entries.filter(({ seq }, at) => seq === first + at && seq < compaction.checkpoint);
  if (entries.length === 0) throw new CompactionRefused('entries are missing');
  let state = { ...before, records: toRecordMap(await headsBefore({ scope, bundles }, first, entries)) };
  const rows = new Map<string, RecordRow>();
  const leaves: Bytes[] = [];
  const kept = [...compaction.kept];
  let { appendedBytes } = compaction;
  for (const { seq, signed } of entries) {
    const outcome = await applyEntry(state, signed);
    if (outcome.result === 'stop') throw new CompactionRefused(`entry ${seq} does not follow`);
    state = outcome.state;
    leaves.push(await merkleLeafHash(state.head.hash));
    appendedBytes += signed.length;
    if (outcome.result === 'void') continue;
    if (isRosterKind(outcome.entry.kind)) kept.push(seq);
    for (const { change } of outcome.changes) {
      const record = recordKey(change);
      rows.set(record, { record, seq, epoch: outcome.entry.epoch, change: encodeChange(change) });
    }
  }
  await addHashes(bundles, scope, first - 1, leaves);
  await inParallel([...rows.values()], (row) => bundles.putRow(scope, row));
  return { ...compaction, state: encoded(state), kept, appendedBytes };
}

/** The newest versions, before an entry, of the records that some entries change. */
async function headsBefore(
  { scope, bundles }: Pick<CompactionParts, 'scope' | 'bundles'>,
  before: number,
  entries: readonly { readonly signed: Uint8Array }[],
): Promise<readonly RecordHead[]> {
  const heads: RecordHead[] = [];
  await inParallel([...touchedBy(entries)], async (record) => {
    const [row] = await bundles.rowsOf(scope, record, before, 1);
    if (row !== undefined) heads.push(await headOf(scope, row));
  });
  return heads;
}

/** The records that entries change, also without effect. */
function touchedBy(entries: readonly { readonly signed: Uint8Array }[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { signed } of entries) {
    const entry = parseSignedEntry(signed);
    if (typeof entry === 'string' || entry.kind !== 'records') continue;
    for (const change of parseChanges(entry.body) ?? []) if (change !== undefined) found.add(recordKey(change));
  }
  return found;
}

async function headOf(scope: VaultScope, { epoch, change: bytes }: RecordRow): Promise<RecordHead> {
  const change = parseChange(new Uint8Array(bytes));
  if (change === undefined) throw new CompactionRefused('what is stored of a record is damaged');
  const { type, id, version } = change;
  return { type, id, version, hash: await changeHash(scope, epoch, change), epoch };
}

/** Compares the records with the checkpoint: a device would refuse a bundle that differs. */
async function verify(parts: CompactionParts, compaction: StoredCompaction): Promise<Next> {
  const { scope, bundles } = parts;
  const page = await bundles.listRows(scope, compaction.record, compaction.checkpoint, bytesAtOnce);
  let tree = { count: compaction.treeCount, subtrees: compaction.tree.map((hash) => new Uint8Array(hash)) as Bytes[] };
  let { keptBytes } = compaction;
  for (const row of page.rows) {
    tree = { ...(await appendLeaf(tree, encodeRecordLeaf(await headOf(scope, row)))) } as typeof tree;
    keptBytes += row.change.length;
  }
  if (keptBytes > deviceLimits.bundleBytes) throw new CompactionRefused('the records are too large in total');
  const record = page.rows.at(-1)?.record ?? compaction.record;
  const next = { ...compaction, tree: tree.subtrees, treeCount: tree.count, keptBytes, record };
  if (page.more) return next;
  const ahead = await atCheckpoint(parts, compaction, await frontierRoot(tree));
  return { ...next, phase: 'acknowledge', ahead: encoded(ahead) };
}

/** The state with the checkpoint as its head. @throws CompactionRefused if the checkpoint has no effect */
async function atCheckpoint(
  { scope, logs }: CompactionParts,
  { checkpoint: seq, state: before }: StoredCompaction,
  records: Bytes,
): Promise<ChainState> {
  const state = await decoded(scope, before);
  const signed = (await logs.get(scope, seq)) ?? new Uint8Array(0);
  const entry = parseSignedEntry(signed);
  const body = typeof entry === 'string' || entry.kind !== 'checkpoint' ? undefined : parseCheckpoint(entry.body);
  const outcome = await applyEntry(state, signed);
  // Without its records, this state cannot tell that the checkpoint is right. All else is decided here.
  const isPlace = outcome.result === 'accept' || (outcome.result === 'void' && outcome.reason === 'bad_checkpoint');
  const isRight =
    isPlace &&
    body !== undefined &&
    equalBytes(body.roster, state.roster.hash) &&
    equalBytes(body.entries, await frontierRoot(state.entries)) &&
    equalBytes(body.records, records);
  if (!isRight || typeof entry === 'string') throw new CompactionRefused('the checkpoint has no effect');
  const { head } = outcome.state;
  return { ...outcome.state, checkpoint: { ...head, signer: entry.signer }, acknowledged: undefined };
}

/** Looks for the acknowledgement after the checkpoint. Devices that resume read on to it. */
async function findAcknowledgement(
  { scope, logs, entriesAtOnce }: CompactionParts,
  compaction: StoredCompaction,
): Promise<Next> {
  let state = await decoded(scope, compaction.ahead);
  const { entries } = await logs.list(scope, state.head.seq, entriesAtOnce, bytesAtOnce);
  for (const { signed } of entries) {
    const entry = parseSignedEntry(signed);
    // Whether a later checkpoint has an effect is not known here. If it has, devices look for its acknowledgement.
    if (typeof entry === 'string' || entry.kind === 'checkpoint') break;
    const outcome = await applyEntry({ ...state, records: noRecords }, signed);
    if (outcome.result === 'stop') break;
    state = outcome.state;
    if (state.acknowledged?.seq === compaction.checkpoint) return { ...compaction, phase: 'publish', ahead: undefined };
  }
  const isStopped = state.head.seq !== entries.at(-1)?.seq;
  if (isStopped) throw new CompactionRefused('the checkpoint is not acknowledged');
  return { ...compaction, ahead: encoded(state) };
}

async function publish({ scope, logs, bundles }: CompactionParts, compaction: StoredCompaction): Promise<Next> {
  const { checkpoint: seq, state, kept, appendedBytes } = compaction;
  let { keptBytes } = compaction;
  await inParallel(kept, async (one) => {
    keptBytes += (await logs.get(scope, one))?.length ?? 0;
  });
  await bundles.putBundle(scope, { seq, state, kept, appendedBytes, keptBytes });
  return { ...compaction, phase: 'delete' };
}

/** Deletes entries before the checkpoint, and the changes that newer ones replace. */
async function deleteSome(
  { scope, logs, bundles, entriesAtOnce }: CompactionParts,
  compaction: StoredCompaction,
): Promise<Next> {
  const { checkpoint, deletedTo } = compaction;
  const page = await logs.list(scope, deletedTo, entriesAtOnce, bytesAtOnce);
  const entries = page.entries.filter(({ seq }) => seq < checkpoint);
  const last = entries.at(-1)?.seq;
  if (last === undefined) return 'done';
  // The changes first: which ones are replaced is found by the entries.
  await inParallel([...touchedBy(entries)], async (record) => {
    const [, ...replaced] = await bundles.rowsOf(scope, record, checkpoint, entriesAtOnce);
    for (const row of replaced) await bundles.deleteRow(scope, row);
  });
  const kept = new Set(compaction.kept);
  const pruned = entries.filter(({ seq }) => !kept.has(seq));
  await inParallel(pruned, ({ seq }) => bundles.deleteEntry(scope, seq));
  return { ...compaction, deletedTo: last };
}
