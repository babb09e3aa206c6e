/**
 * The Merkle tree hash of RFC 6962 section 2.1, with SHA-256. A leaf is hashed after 0x00 and a node after 0x01, so that
 * no node passes for a leaf; and n leaves give another root than n−1 or n+1, so that the root binds their number too.
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
 * The root over leaves that come one after the other. It keeps the roots of the full subtrees so far, one for each bit
 * of their number that is 1: memory is logarithmic, and a leaf costs two hashes on average.
 */
export class MerkleTreeHasher {
  readonly #subtrees: Buffer[] = [];
  #count = 0;

  /** Leaves so far. */
  get count(): number {
    return this.#count;
  }

  /** Appends a leaf, given its {@link leafHash}. */
  addLeaf(leaf: Buffer): void {
    this.#count++;
    let subtree = leaf;
    // Each trailing zero bit of the new number closes one subtree more.
    for (let rest = this.#count; rest % 2 === 0; rest /= 2) {
      subtree = sha256(nodePrefix, this.#subtrees.pop() ?? Buffer.alloc(0), subtree);
    }
    this.#subtrees.push(subtree);
  }

  /** The root over all leaves so far: 32 bytes. Of none it is the hash of nothing. */
  root(): Buffer {
    const root = this.#subtrees.reduceRight<Buffer | undefined>(
      (right, left) => (right === undefined ? left : sha256(nodePrefix, left, right)),
      undefined,
    );
    return root ?? hash('sha256', '', 'buffer');
  }
}
