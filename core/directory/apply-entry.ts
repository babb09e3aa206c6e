/**
 * The verifier of the directory (docs/format-directory.md, section 2): state and entry in, state out. It uses nothing but
 * the chain, so all readers reach the same state.
 */
import { type Bytes, equalBytes } from '../encoding/bytes.ts';
import { verifyEd25519 } from '../hazmat/ed25519.ts';
import { applyContent, applyOrgKeys, isRecoveryProven } from './apply-content.ts';
import { checkpointOf } from './checkpoint-roots.ts';
import { type DirectoryState, isAuthority, type Outcome, type StopReason, signingOwner } from './directory-state.ts';
import { entryHash, parseSignedEntry, type SignedDirectoryEntry } from './entry.ts';
import { parseBody } from './entry-bodies.ts';
import { appendLeaf } from './hash-tree.ts';

const stop = (reason: StopReason): Outcome => ({ result: 'stop', code: 'bad_envelope', reason });

/** Verifies an entry against the state, and applies it. */
export function applyEntry(state: DirectoryState, signed: Uint8Array): Outcome {
  const entry = parseSignedEntry(signed);
  if (typeof entry === 'string') return stop(entry);
  const problem = findPlaceProblem(state, entry);
  if (problem !== undefined) return stop(problem);
  const hash = entryHash(entry.unsigned);
  if (state.head.seq === 0) return begin(state, entry, hash);
  const reason = findSignerProblem(state, entry) ?? findCheckpointProblem(state, entry);
  if (reason !== undefined) return stop(reason);
  const next = withHead(state, entry.seq, hash);
  const applied = applyContent(next, entry, hash);
  if (typeof applied === 'string') return { result: 'void', state: next, entry, reason: applied };
  return { result: 'accept', state: applied, entry };
}

/** Checks everything that does not depend on the signer. */
function findPlaceProblem({ org, head }: DirectoryState, entry: SignedDirectoryEntry): StopReason | undefined {
  if (entry.org !== org) return 'other_org';
  if (entry.seq !== head.seq + 1) return 'bad_sequence';
  return equalBytes(entry.prev, head.hash) ? undefined : 'bad_previous_hash';
}

function findSignerProblem(state: DirectoryState, entry: SignedDirectoryEntry): StopReason | undefined {
  const { signer, cosigner } = entry;
  const isKnown =
    isAuthority(state, signer) || equalBytes(state.recovery, signer) || signingOwner(state, signer) !== undefined;
  if (!isKnown || (cosigner !== undefined && !isAuthority(state, cosigner))) return 'unknown_signer';
  return isSigned(entry) ? undefined : 'bad_signature';
}

/** Whether both signatures verify. */
export const isSigned = ({ unsigned, signer, signature, cosigner, cosignature }: SignedDirectoryEntry): boolean =>
  verifyEd25519(signer, unsigned, signature) &&
  (cosigner === undefined || (cosignature !== undefined && verifyEd25519(cosigner, unsigned, cosignature)));

/**
 * A bad checkpoint is never void: it would stay in the chain, and a new client that starts at it could not know that
 * all others had rejected it.
 */
function findCheckpointProblem(state: DirectoryState, entry: SignedDirectoryEntry): StopReason | undefined {
  if (entry.op !== 'checkpoint') return undefined;
  const body = parseBody(entry.op, entry.body);
  if (body?.op !== 'checkpoint' || !isAuthority(state, entry.signer) || entry.cosigner !== undefined)
    return 'bad_checkpoint';
  const { entries, state: root } = checkpointOf(state);
  return equalBytes(body.entries, entries) && equalBytes(body.state, root) ? undefined : 'bad_checkpoint';
}

/** The first entry is signed by an authority that it contains. */
function begin(state: DirectoryState, entry: SignedDirectoryEntry, hash: Bytes): Outcome {
  const body = entry.op === 'genesis' ? parseBody(entry.op, entry.body) : undefined;
  if (body?.op !== 'genesis' || entry.cosigner !== undefined) return stop('bad_genesis');
  if (!isAuthority(body, entry.signer) || !isRecoveryProven(state.org, body)) return stop('bad_genesis');
  if (!isSigned(entry)) return stop('bad_signature');
  const begun = applyOrgKeys({ ...withHead(state, entry.seq, hash), genesis: hash }, body);
  return { result: 'accept', state: begun, entry };
}

/** The state with the entry as its head, before its content has any effect. */
export const withHead = (state: DirectoryState, seq: number, hash: Bytes): DirectoryState => ({
  ...state,
  head: { seq, hash },
  entries: appendLeaf(state.entries, hash),
});
