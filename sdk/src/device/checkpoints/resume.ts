/** Goes on at a checkpoint, after the entries before it were pruned (docs/format-devices.md, section 9). */
import type { PrunedLog, ReadDeviceLogResponse } from '../../../../contract/devices/wire.ts';
import type { ChainState } from '../../../../core/devices/chain-state.ts';
import { verifyInclusion } from '../../../../core/devices/merkle-frontier.ts';
import { type ResumedChain, resumeFromCheckpoint } from '../../../../core/devices/resume-from-checkpoint.ts';
import { type Bytes, equalBytes, fromBase64 } from '../../../../core/encoding/bytes.ts';
import type { CallSettings } from '../../shared/client-options.ts';
import { createError } from '../../shared/errors.ts';
import { stopError } from '../device-errors.ts';
import type { DeviceRequests } from '../device-requests.ts';
import { type AppliedEntry, verifyPage } from '../verified-page.ts';
import { type BundledRecord, type ReadBundle, readBundle } from './read-bundle.ts';

/** A bundle that this device may go on from. */
export interface VerifiedBundle {
  readonly chain: ResumedChain;
  readonly checkpoint: Bytes;
  readonly records: readonly BundledRecord[];
  /** The roster entries, in their order, with wraps that are not verified. */
  readonly roster: readonly AppliedEntry[];
}

/** A bundle, and the entries after its checkpoint up to an acknowledgement or further. */
export interface Resumed {
  readonly bundle: VerifiedBundle;
  readonly applied: readonly AppliedEntry[];
  /** The last answer of the log. */
  readonly page: ReadDeviceLogResponse;
}

/**
 * Reads and verifies everything before anything is stored.
 * @param state the stored one, which does not change
 * @throws DeviceVaultError bad_envelope: `older_checkpoint`, `bad_bundle`, `other_genesis`, `bad_inclusion`,
 *   `unacknowledged`, or the reason of an entry; AnimaError of the requests, `bundle_replaced` among them
 */
export async function resume(
  state: ChainState,
  pruned: PrunedLog,
  requests: DeviceRequests,
  settings: CallSettings,
  onRecords?: (records: number) => void,
): Promise<Resumed> {
  const { checkpoint } = pruned;
  if (checkpoint <= state.head.seq) throw stopError('older_checkpoint', checkpoint);
  const bundle = await verifyBundle(state, pruned, await readBundle(requests, checkpoint, settings, onRecords));
  const applied: AppliedEntry[] = [];
  for (;;) {
    const reached = applied.at(-1)?.after ?? bundle.chain.state;
    const page = await requests.readLog(reached.head.seq, settings);
    // Pruned once more meanwhile, to a later checkpoint.
    if (page.pruned !== undefined) throw createError('bundle_replaced');
    applied.push(...(await verifyPage(reached, page)));
    if ((applied.at(-1)?.after ?? reached).acknowledged !== undefined) return { bundle, applied, page };
    if (!page.more) throw stopError('unacknowledged', checkpoint);
  }
}

async function verifyBundle(state: ChainState, pruned: PrunedLog, read: ReadBundle): Promise<VerifiedBundle> {
  const { checkpoint: seq } = pruned;
  const { roster, checkpoint, records } = read;
  const chain = await resumeFromCheckpoint(state.scope, { ...read, roster: roster.map(({ signed }) => signed) });
  if (chain?.checkpoint.seq !== seq) throw stopError('bad_bundle', seq);
  const isBegun = state.head.seq > 0;
  if (isBegun && !equalBytes(chain.state.genesis, state.genesis)) throw stopError('other_genesis', seq);
  if (isBegun && !(await isAncestor(state, chain, pruned))) throw stopError('bad_inclusion', seq);
  if (!hasAllRecords(state, chain)) throw stopError('bad_bundle', seq);
  const steps = chain.roster.map(({ before, after, entry }, at) => {
    const { signed = new Uint8Array(0), wraps } = roster[at] ?? {};
    return { before, after, entry, signed, wraps, voidReason: undefined, changes: [], voided: [] };
  });
  return { chain, checkpoint, records, roster: steps };
}

/** Whether the stored head is an entry before the checkpoint. */
async function isAncestor({ head }: ChainState, chain: ResumedChain, { proof }: PrunedLog): Promise<boolean> {
  const path = proof.map((text) => fromBase64(text) ?? new Uint8Array(0));
  const count = chain.checkpoint.seq - 1;
  return await verifyInclusion(head.hash, head.seq - 1, count, path, chain.entriesRoot);
}

/**
 * Whether no record is missing or older than here. The members who signed and acknowledged the checkpoint vouch for it; this
 * check holds also if both are faulty.
 */
function hasAllRecords({ records }: ChainState, { state }: ResumedChain): boolean {
  return records.values().every((known) => {
    const found = state.records.get(`${known.type}:${known.id}`);
    if (found === undefined || found.version < known.version) return false;
    return found.version > known.version || equalBytes(found.hash, known.hash);
  });
}
