/** The shape of the Merkle tree of RFC 6962 section 2.1, which does not depend on the hash function. */
import type { Bytes } from './bytes.ts';

/** The roots of the full subtrees, largest first: one for each bit of `count` that is 1. */
export interface MerkleFrontier {
  /** Number of leaves. */
  readonly count: number;
  readonly subtrees: readonly Bytes[];
}

export const emptyFrontier: MerkleFrontier = { count: 0, subtrees: [] };

/** Whether the number of subtrees is the one that a tree over `count` leaves has. */
export const isFrontierOf = ({
  count,
  subtrees,
}: {
  readonly count: number;
  readonly subtrees: readonly unknown[];
}): boolean => subtrees.length === [...count.toString(2)].filter((bit) => bit === '1').length;

/** Number of leaves in the left half: the largest power of two below `count`, which is at least 2. */
export function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

/** On which side of its node each sibling of an inclusion proof is, lowest first. */
export type SiblingSide = 'left' | 'right';

/**
 * The sides of the siblings between a leaf and the root (RFC 6962 section 2.1.1): a proof has exactly one node for each.
 * @returns undefined if there is no such leaf
 */
export function siblingSides(index: number, count: number): readonly SiblingSide[] | undefined {
  if (!Number.isSafeInteger(index) || index < 0 || index >= count) return undefined;
  const sides: SiblingSide[] = [];
  for (let [at, leaves] = [index, count]; leaves > 1; ) {
    const split = splitOf(leaves);
    sides.unshift(at < split ? 'right' : 'left');
    [at, leaves] = at < split ? [at, split] : [at - split, leaves - split];
  }
  return sides;
}

/** The first bytes of what is hashed, so that a node cannot be presented as a leaf. */
export const leafPrefix = Uint8Array.of(0);
export const nodePrefix = Uint8Array.of(1);
