/** How a new client starts from a checkpoint (docs/format-directory.md, section 8). */

import { type Bytes, equalBytes } from '../encoding/bytes.ts';
import { isFrontierOf } from '../encoding/merkle-shape.ts';
import { applyEntry, isSigned, withHead } from './apply-entry.ts';
import { directoryPin } from './directory-pin.ts';
import { type DirectoryState, isAuthority } from './directory-state.ts';
import { entryHash, parseSignedEntry } from './entry.ts';
import { parseBody } from './entry-bodies.ts';
import { rootOf, treeRoot } from './hash-tree.ts';
import { decodeLeaves } from './state-leaves.ts';

/** What the server sends in place of the entries before a checkpoint. No part of it is trusted. */
export interface DirectoryBundle {
  /** The checkpoint, signed. Its seq is not above that of the pinned head. */
  readonly checkpoint: Uint8Array;
  /** Subtrees of the tree over the entries before the checkpoint, largest first. */
  readonly subtrees: readonly Bytes[];
  /** The leaves of the state before the checkpoint, in ascending order. */
  readonly leaves: readonly Uint8Array[];
  /** The signed entries after the checkpoint, at least up to the pinned head. */
  readonly tail: readonly Uint8Array[];
}

/**
 * Computes the state after the last entry of `tail`.
 * @param pin of the invite
 * @returns undefined unless every part is what the checkpoint says, every entry continues the chain, and the pin is
 *   reached
 */
export function resumeFromCheckpoint(
  org: string,
  pin: Uint8Array,
  bundle: DirectoryBundle,
): DirectoryState | undefined {
  let state = startAtCheckpoint(org, bundle);
  if (state === undefined) return undefined;
  let isPinned = equalBytes(directoryPin(state), pin);
  for (const signed of bundle.tail) {
    const outcome = applyEntry(state, signed);
    if (outcome.result === 'stop') return undefined;
    state = outcome.state;
    isPinned ||= equalBytes(directoryPin(state), pin);
  }
  return isPinned ? state : undefined;
}

/** The state with the checkpoint as its head. It is not trusted before the pin is reached. */
function startAtCheckpoint(org: string, { checkpoint, subtrees, leaves }: DirectoryBundle): DirectoryState | undefined {
  const entry = parseSignedEntry(checkpoint);
  if (typeof entry === 'string' || entry.op !== 'checkpoint' || entry.org !== org) return undefined;
  const body = parseBody(entry.op, entry.body);
  const entries = { count: entry.seq - 1, subtrees };
  if (body?.op !== 'checkpoint' || entry.seq < 2 || entry.cosigner !== undefined || !isFrontierOf(entries))
    return undefined;
  if (!equalBytes(body.entries, treeRoot(entries)) || !equalBytes(body.state, rootOf(leaves))) return undefined;
  const state = decodeLeaves(org, leaves);
  if (state === undefined || !isAuthority(state, entry.signer) || !isSigned(entry)) return undefined;
  return withHead({ ...state, entries }, entry.seq, entryHash(entry.unsigned));
}
