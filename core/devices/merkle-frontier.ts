/** The Merkle tree hash of RFC 6962 section 2.1 in Node and in browsers, with immutable state. */
import { type Bytes, concatBytes, equalBytes } from '../encoding/bytes.ts';
import { emptyFrontier, leafPrefix, type MerkleFrontier, nodePrefix, siblingSides } from '../encoding/merkle-shape.ts';
import { portableSha256 } from '../hazmat/portable-hash.ts';

const hashLeaf = (leaf: Uint8Array): Promise<Bytes> => portableSha256(concatBytes(leafPrefix, leaf));
const hashNode = (left: Uint8Array, right: Uint8Array): Promise<Bytes> =>
  portableSha256(concatBytes(nodePrefix, left, right));

/** Appends a leaf. */
export async function appendLeaf({ count, subtrees }: MerkleFrontier, leaf: Uint8Array): Promise<MerkleFrontier> {
  const rest = subtrees.slice();
  let subtree = await hashLeaf(leaf);
  // Each trailing zero bit of the new count completes one more subtree.
  for (let number = count + 1; number % 2 === 0; number /= 2) {
    const left = rest.pop();
    if (left === undefined) throw new RangeError('not a frontier');
    subtree = await hashNode(left, subtree);
  }
  return { count: count + 1, subtrees: [...rest, subtree] };
}

/** The root. Without leaves it is the hash of the empty string. */
export async function frontierRoot({ subtrees }: MerkleFrontier): Promise<Bytes> {
  const [last, ...rest] = subtrees.toReversed();
  if (last === undefined) return await portableSha256(new Uint8Array(0));
  let root = last;
  for (const left of rest) root = await hashNode(left, root);
  return root;
}

/** The root over all leaves. */
export async function merkleRoot(leaves: readonly Uint8Array[]): Promise<Bytes> {
  let frontier = emptyFrontier;
  for (const leaf of leaves) frontier = await appendLeaf(frontier, leaf);
  return await frontierRoot(frontier);
}

/** The hash of a leaf, which is the lowest node above it. */
export const merkleLeafHash = hashLeaf;

/** The nodes one level up. A last node without a partner moves up as it is. */
async function levelAbove(nodes: readonly Bytes[]): Promise<readonly Bytes[]> {
  const above: Bytes[] = [];
  for (let at = 0; at < nodes.length; at += 2) {
    const [left, right] = [nodes[at], nodes[at + 1]];
    if (left !== undefined) above.push(right === undefined ? left : await hashNode(left, right));
  }
  return above;
}

/**
 * The root over nodes of one level: hashes of leaves, or roots of full subtrees of one size, the last of which can be
 * smaller. @throws RangeError without nodes
 */
export async function rootOfNodes(nodes: readonly Bytes[]): Promise<Bytes> {
  let level = nodes;
  while (level.length > 1) level = await levelAbove(level);
  const [root] = level;
  if (root === undefined) throw new RangeError('no nodes');
  return root;
}

/** The siblings on the way from a node to the root over nodes of one level, lowest first. @param index 0 for the first */
export async function pathOfNodes(nodes: readonly Bytes[], index: number): Promise<Bytes[]> {
  const path: Bytes[] = [];
  let [level, at] = [nodes, index];
  while (level.length > 1) {
    const sibling = level[at % 2 === 0 ? at + 1 : at - 1];
    if (sibling !== undefined) path.push(sibling);
    [level, at] = [await levelAbove(level), Math.floor(at / 2)];
  }
  return path;
}

/**
 * The inclusion proof of a leaf (RFC 6962 section 2.1.1).
 * @param index 0 for the first leaf
 */
export const inclusionProof = async (leaves: readonly Uint8Array[], index: number): Promise<Bytes[]> =>
  await pathOfNodes(await Promise.all(leaves.map(hashLeaf)), index);

/** Whether the leaf is the one at `index` of the `count` leaves below `root`. */
export async function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  count: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): Promise<boolean> {
  const sides = siblingSides(index, count);
  if (sides?.length !== proof.length) return false;
  let node = await hashLeaf(leaf);
  for (const [at, sibling] of proof.entries())
    node = sides[at] === 'right' ? await hashNode(node, sibling) : await hashNode(sibling, node);
  return equalBytes(node, root);
}
