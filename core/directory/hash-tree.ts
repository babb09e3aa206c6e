/**
 * The Merkle tree hash of RFC 6962 section 2.1 with BLAKE2b-256 (docs/format-directory.md, section 8). It is synchronous,
 * unlike the SHA-256 tree of device vaults: a client in a browser hashes the state of 10,000 devices, and one call of
 * WebCrypto costs more than such a hash.
 */
import { type Bytes, concatBytes, equalBytes } from '../encoding/bytes.ts';
import { leafPrefix, type MerkleFrontier, nodePrefix, siblingSides, splitOf } from '../encoding/merkle-shape.ts';
import { blake2b256 } from '../hazmat/blake2b.ts';

const hashLeaf = (leaf: Uint8Array): Bytes => blake2b256(concatBytes(leafPrefix, leaf));
const hashNode = (left: Uint8Array, right: Uint8Array): Bytes => blake2b256(concatBytes(nodePrefix, left, right));

/** Adds a leaf to the subtrees, in place. @param count the number of leaves before */
function pushLeaf(subtrees: Bytes[], count: number, leaf: Uint8Array): void {
  let subtree = hashLeaf(leaf);
  // Each trailing zero bit of the new count completes one more subtree.
  for (let number = count + 1; number % 2 === 0; number /= 2) {
    const left = subtrees.pop();
    if (left === undefined) throw new RangeError('not a frontier');
    subtree = hashNode(left, subtree);
  }
  subtrees.push(subtree);
}

/** Appends a leaf. */
export function appendLeaf({ count, subtrees }: MerkleFrontier, leaf: Uint8Array): MerkleFrontier {
  const next = subtrees.slice();
  pushLeaf(next, count, leaf);
  return { count: count + 1, subtrees: next };
}

/** The root. Without leaves it is the hash of the empty string. */
export const treeRoot = ({ subtrees }: MerkleFrontier): Bytes =>
  subtrees.length === 0 ? blake2b256(new Uint8Array(0)) : subtrees.reduceRight((right, left) => hashNode(left, right));

/** The root over all leaves. */
export function rootOf(leaves: readonly Uint8Array[]): Bytes {
  const subtrees: Bytes[] = [];
  for (const [count, leaf] of leaves.entries()) pushLeaf(subtrees, count, leaf);
  return treeRoot({ count: leaves.length, subtrees });
}

/**
 * The inclusion proof of a leaf (RFC 6962 section 2.1.1).
 * @param index 0 for the first leaf
 */
export function inclusionProof(leaves: readonly Uint8Array[], index: number): Bytes[] {
  if (leaves.length <= 1) return [];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split
    ? [...inclusionProof(left, index), rootOf(right)]
    : [...inclusionProof(right, index - split), rootOf(left)];
}

/** Whether the leaf is the one at `index` of the `count` leaves below `root`. */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  count: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  const sides = siblingSides(index, count);
  if (sides?.length !== proof.length) return false;
  const computed = proof.reduce<Uint8Array>(
    (node, sibling, at) => (sides[at] === 'right' ? hashNode(node, sibling) : hashNode(sibling, node)),
    hashLeaf(leaf),
  );
  return equalBytes(computed, root);
}
