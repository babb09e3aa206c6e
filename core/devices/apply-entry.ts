/**
 * The verifier of the chain (docs/format-devices.md, section 6): state and entry in, state out. It uses public bytes
 * only, so all devices, the service, and a device that has no key yet reach the same state.
 */
import { type Bytes, equalBytes } from '../encoding/bytes.ts';
import { importVerificationKey, verifyMessage } from '../hazmat/p256.ts';
import { applyAcknowledgement, applyCheckpoint, applyRecords } from './apply-content.ts';
import { applyGenesis, applyRosterEntry } from './apply-roster.ts';
import { type EntryKind, entryHash, isRosterKind, parseSignedEntry, type SignedEntry } from './chain-entry.ts';
import type { ChainState, Member, Outcome, StopReason, VoidReason } from './chain-state.ts';
import { appendLeaf } from './merkle-frontier.ts';
import { isSameScope } from './vault-scope.ts';

const stop = (reason: StopReason): Outcome => ({ result: 'stop', code: 'bad_envelope', reason });

/** Verifies an entry against the state, and applies it. */
export async function applyEntry(state: ChainState, signed: Uint8Array): Promise<Outcome> {
  const entry = parseSignedEntry(signed);
  if (typeof entry === 'string') return stop(entry);
  const problem = findPlaceProblem(state, entry);
  if (problem !== undefined) return stop(problem);
  const hash = await entryHash(entry.unsigned);
  if (state.head.seq === 0) return await begin(state, entry, hash);
  const signer = state.members.get(entry.signer);
  if (signer === undefined) return stop('not_a_member');
  const epochProblem = findEpochProblem(state, entry);
  if (epochProblem !== undefined) return stop(epochProblem);
  if (!(await isSignedBy(signer, entry))) return stop('bad_signature');
  return await applyContent(await withHead(state, entry, hash), state, entry, hash);
}

/** Checks everything that does not depend on the signer. */
function findPlaceProblem(state: ChainState, entry: SignedEntry): StopReason | undefined {
  if (!isSameScope(entry.scope, state.scope)) return 'other_vault';
  if (entry.seq !== state.head.seq + 1) return 'bad_sequence';
  if (!equalBytes(entry.prev, state.head.hash)) return 'bad_previous_hash';
  return state.closed ? 'closed' : undefined;
}

/** Kinds that use the UMK of the current epoch, which a member that left still has. */
const kindsOfEpoch: readonly EntryKind[] = ['records', 'add'];

export function findEpochProblem(state: ChainState, { epoch, kind }: SignedEntry): StopReason | undefined {
  if (epoch !== state.epoch) return 'bad_epoch';
  return state.rotationDue && kindsOfEpoch.includes(kind) ? 'rotation_due' : undefined;
}

/** Imported keys of members. A member is an immutable object, so its key cannot change. */
const verificationKeys = new WeakMap<Bytes, Promise<CryptoKey>>();

/** Whether the member signed the entry. */
export async function isSignedBy({ ecdsa }: Pick<Member, 'ecdsa'>, entry: SignedEntry): Promise<boolean> {
  const key = verificationKeys.get(ecdsa) ?? importVerificationKey(ecdsa);
  verificationKeys.set(ecdsa, key);
  return await verifyMessage(await key, entry.unsigned, entry.signature);
}

/** The first entry is signed by the member that it contains. */
async function begin(state: ChainState, entry: SignedEntry, hash: Bytes): Promise<Outcome> {
  const begun = entry.epoch === 0 ? await applyGenesis(state, entry, hash) : undefined;
  const signer = begun?.members.get(entry.signer);
  if (begun === undefined || signer === undefined) return stop('bad_genesis');
  if (!(await isSignedBy(signer, entry))) return stop('bad_signature');
  return { result: 'accept', state: await withHead(begun, entry, hash), entry, changes: [], voided: [] };
}

/** The state with the entry as its head, before its content has any effect. */
async function withHead(state: ChainState, entry: SignedEntry, hash: Bytes): Promise<ChainState> {
  const { seq, time, signer } = entry;
  const member = state.members.get(signer);
  const members = new Map(state.members);
  if (member !== undefined) members.set(signer, { ...member, lastSeq: seq, lastTime: time });
  return { ...state, members, head: { seq, hash }, entries: await appendLeaf(state.entries, hash) };
}

/**
 * @param next the state with the entry as its head
 * @param before the state before the entry, over which a checkpoint is computed
 */
async function applyContent(next: ChainState, before: ChainState, entry: SignedEntry, hash: Bytes): Promise<Outcome> {
  if (entry.kind === 'records') {
    const applied = isRecovery(next, entry) ? 'forbidden' : await applyRecords(next, entry);
    if (typeof applied === 'string') return { result: 'void', state: next, entry, reason: applied };
    return { result: 'accept', entry, ...applied };
  }
  const applied = await applyOther(next, before, entry, hash);
  if (typeof applied === 'string') return { result: 'void', state: next, entry, reason: applied };
  return { result: 'accept', state: applied, entry, changes: [], voided: [] };
}

const isRecovery = ({ members }: ChainState, { signer }: SignedEntry): boolean =>
  members.get(signer)?.role === 'recovery';

async function applyOther(
  next: ChainState,
  before: ChainState,
  entry: SignedEntry,
  hash: Bytes,
): Promise<ChainState | VoidReason> {
  const { kind } = entry;
  if (isRosterKind(kind)) return await applyRosterEntry(next, { ...entry, kind }, hash);
  if (isRecovery(next, entry)) return 'forbidden';
  if (kind === 'checkpoint') {
    const applied = await applyCheckpoint(before, entry, hash);
    return typeof applied === 'string' ? applied : { ...next, checkpoint: applied.checkpoint };
  }
  if (kind === 'acknowledge') return applyAcknowledgement(next, entry);
  return entry.body.length === 0 ? next : 'malformed_body';
}
