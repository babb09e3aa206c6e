/**
 * The Merkle tree hash of RFC 6962 section 2.1, with SHA-256. Leaves are hashed with the prefix 0x00 and nodes with
 * 0x01, so that a node cannot be presented as a leaf. The root also binds the number of leaves: n leaves have a
 * different root than n−1 or n+1.
 */
import { createHash, hash } from 'node:crypto';

const leafPrefix = Buffer.of(0);
const nodePrefix = Buffer.of(1);

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  return digest.digest();
};

/** Hash of one leaf: 32 bytes. */
export const leafHash = (leaf: Uint8Array): Buffer => sha256(leafPrefix, leaf);

/**
 * Computes the root over leaves that are added one by one. It keeps the roots of the full subtrees so far, one for each
 * bit of the leaf count that is 1. Memory is logarithmic in the leaf count. Each leaf costs two hashes on average.
 */
export class MerkleTreeHasher {
  readonly #subtrees: Buffer[] = [];
  #count = 0;

  /** Number of leaves so far. */
  get count(): number {
    return this.#count;
  }

  /**
   * Appends a leaf.
   * @param leaf its {@link leafHash}
   */
  addLeaf(leaf: Buffer): void {
    this.#count++;
    let subtree = leaf;
    // Each trailing zero bit of the new count completes one more subtree.
    for (let rest = this.#count; rest % 2 === 0; rest /= 2) {
      subtree = sha256(nodePrefix, this.#subtrees.pop() ?? Buffer.alloc(0), subtree);
    }
    this.#subtrees.push(subtree);
  }

  /** The root over all leaves so far: 32 bytes. Without leaves it is the hash of the empty string. */
  root(): Buffer {
    const root = this.#subtrees.reduceRight<Buffer | undefined>(
      (right, left) => (right === undefined ? left : sha256(nodePrefix, left, right)),
      undefined,
    );
    return root ?? hash('sha256', '', 'buffer');
  }
}
