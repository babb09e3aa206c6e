/**
 * The state of a chain whose old entries were pruned (docs/format-devices.md, section 9): computed from the roster
 * entries, a checkpoint, and the newest versions of the records.
 */

import { type Bytes, equalBytes } from '../encoding/bytes.ts';
import { isFrontierOf } from '../encoding/merkle-shape.ts';
import { type CheckpointBody, parseCheckpoint } from './apply-content.ts';
import { findEpochProblem, isSignedBy } from './apply-entry.ts';
import { applyGenesis, applyRosterEntry } from './apply-roster.ts';
import { entryHash, isRosterKind, parseSignedEntry, type SignedEntry } from './chain-entry.ts';
import { type ChainState, initialState, type RecordHead, recordKey, recordsRoot, toRecordMap } from './chain-state.ts';
import { appendLeaf, frontierRoot } from './merkle-frontier.ts';
import { type Change, changeHash } from './record-changes.ts';
import { isSameScope, type VaultScope } from './vault-scope.ts';

/** What the server sends in place of the pruned entries. No part of it is trusted. */
export interface CheckpointBundle {
  /** All roster entries that took effect before the checkpoint, signed, in their order. */
  readonly roster: readonly Uint8Array[];
  /** The checkpoint, signed. */
  readonly checkpoint: Uint8Array;
  /** Subtrees of the tree over the entries before the checkpoint, largest first. */
  readonly subtrees: readonly Bytes[];
  /** The change that wrote the newest version of each record, and the epoch of its entry. */
  readonly records: readonly { readonly epoch: number; readonly change: Change }[];
}

/** A roster entry of a bundle, with the states before and after it. Their heads are roster entries only. */
export interface RosterStep {
  readonly before: ChainState;
  readonly after: ChainState;
  readonly entry: SignedEntry;
  readonly signed: Uint8Array;
}

/** A verified bundle. */
export interface ResumedChain {
  /** The state with the checkpoint as its head. */
  readonly state: ChainState;
  readonly checkpoint: SignedEntry;
  /** Root over the hashes of all entries before the checkpoint, for inclusion proofs. */
  readonly entriesRoot: Bytes;
  readonly roster: readonly RosterStep[];
}

/**
 * Computes the state with the checkpoint as its head. The caller continues with the entries after it, and accepts the
 * state only under the conditions of docs/format-devices.md, section 9.
 * @returns undefined when any part is not what the checkpoint and its signer say
 */
export async function resumeFromCheckpoint(
  scope: VaultScope,
  bundle: CheckpointBundle,
): Promise<ResumedChain | undefined> {
  const checkpoint = parseSignedEntry(bundle.checkpoint);
  if (typeof checkpoint === 'string' || checkpoint.kind !== 'checkpoint') return undefined;
  const steps = await applyRoster(scope, bundle.roster, checkpoint.seq);
  const roster = steps?.at(-1)?.after;
  const signer = roster?.members.get(checkpoint.signer);
  if (steps === undefined || roster === undefined || signer === undefined || signer.role === 'recovery')
    return undefined;
  const isPlace = isSameScope(scope, checkpoint.scope) && findEpochProblem(roster, checkpoint) === undefined;
  if (!isPlace || roster.closed || !(await isSignedBy(signer, checkpoint))) return undefined;
  const body = parseCheckpoint(checkpoint.body);
  const state = body && (await withContent(roster, checkpoint, body, bundle));
  return body && state && { state, checkpoint, entriesRoot: body.entries, roster: steps };
}

/** Applies the roster entries. Their order follows from the hash of the entry before that each contains. */
async function applyRoster(
  scope: VaultScope,
  roster: readonly Uint8Array[],
  before: number,
): Promise<readonly RosterStep[] | undefined> {
  let state = initialState(scope);
  const steps: RosterStep[] = [];
  for (const signed of roster) {
    const entry = parseSignedEntry(signed);
    if (typeof entry === 'string' || !isSameScope(scope, entry.scope)) return undefined;
    if (entry.seq <= state.head.seq || entry.seq >= before || state.closed) return undefined;
    const next = await applyOne(state, entry);
    if (next === undefined) return undefined;
    steps.push({ before: state, after: next, entry, signed });
    state = next;
  }
  return steps;
}

async function applyOne(state: ChainState, entry: SignedEntry): Promise<ChainState | undefined> {
  const { kind, seq } = entry;
  const hash = await entryHash(entry.unsigned);
  if (findEpochProblem(state, entry) !== undefined || !isRosterKind(kind)) return undefined;
  const isFirst = state.head.seq === 0;
  if (isFirst && (seq !== 1 || entry.prev.some((byte) => byte !== 0))) return undefined;
  const next = isFirst
    ? await applyGenesis(state, entry, hash)
    : await applyRosterEntry(state, { ...entry, kind }, hash);
  if (next === undefined || typeof next === 'string') return undefined;
  const signer = (isFirst ? next : state).members.get(entry.signer);
  if (signer === undefined || !(await isSignedBy(signer, entry))) return undefined;
  return { ...next, members: heard(next, entry), head: { seq, hash } };
}

/** The members after an entry of one of them. */
function heard({ members }: ChainState, { signer, seq, time }: SignedEntry): ChainState['members'] {
  const member = members.get(signer);
  if (member === undefined) return members;
  return new Map(members).set(signer, { ...member, lastSeq: seq, lastTime: time });
}

/**
 * The members as they are known at the checkpoint. When they were last heard of is not known, so each counts as heard of
 * when it was made: nobody is to be removed as silent for entries that were pruned.
 */
function membersAt(roster: ChainState, checkpoint: SignedEntry): ChainState['members'] {
  const known = heard(roster, checkpoint);
  const { time } = checkpoint;
  const last = (lastTime: string) => (lastTime < time ? time : lastTime);
  return new Map([...known].map(([id, member]) => [id, { ...member, lastTime: last(member.lastTime) }]));
}

async function withContent(
  roster: ChainState,
  checkpoint: SignedEntry,
  body: CheckpointBody,
  bundle: CheckpointBundle,
): Promise<ChainState | undefined> {
  const entries = { count: checkpoint.seq - 1, subtrees: bundle.subtrees };
  const heads = await headsOf(roster, bundle.records);
  if (heads === undefined || !isFrontierOf(entries)) return undefined;
  const isRoster = equalBytes(body.roster, roster.roster.hash);
  const isEntries = equalBytes(body.entries, await frontierRoot(entries));
  if (!isRoster || !isEntries || !equalBytes(body.records, await recordsRoot(heads))) return undefined;
  const hash = await entryHash(checkpoint.unsigned);
  const { seq, signer } = checkpoint;
  return {
    ...roster,
    members: membersAt(roster, checkpoint),
    head: { seq, hash },
    entries: await appendLeaf(entries, hash),
    records: toRecordMap(heads),
    checkpoint: { seq, hash, signer },
  };
}

async function headsOf({ scope }: ChainState, records: CheckpointBundle['records']): Promise<RecordHead[] | undefined> {
  const heads = new Map<string, RecordHead>();
  for (const { epoch, change } of records) {
    const { type, id, version } = change;
    const hash = await changeHash(scope, epoch, change);
    heads.set(recordKey(change), { type, id, version, hash, epoch });
  }
  return heads.size === records.length ? [...heads.values()] : undefined;
}
