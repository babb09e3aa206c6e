import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { leafHash, MerkleTreeHasher } from '../../core/audit/merkle-tree.ts';

const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();

/** A direct implementation of RFC 6962 section 2.1: slow, recursive, and independent of our code. */
function treeHead(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves;
  if (first === undefined) return sha256();
  if (leaves.length === 1) return sha256(Buffer.of(0), first);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha256(Buffer.of(1), treeHead(leaves.slice(0, split)), treeHead(leaves.slice(split)));
}

const rootOf = (leaves: readonly Buffer[]): string => {
  const tree = new MerkleTreeHasher();
  for (const leaf of leaves) tree.addLeaf(leafHash(leaf));
  expect(tree.count).toBe(leaves.length);
  return tree.root().toString('hex');
};

describe('the tree hash', () => {
  // The leaves and roots that Certificate Transparency implementations use in their tests.
  const published = [
    '',
    '00',
    '10',
    '2021',
    '3031',
    '40414243',
    '5051525354555657',
    '606162636465666768696a6b6c6d6e6f',
  ];
  const roots: [number, string][] = [
    [0, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    [1, '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
    [2, 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
    [3, 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
    [5, '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4'],
    [8, '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
  ];

  test.each(roots)('of %i published leaves is the published root', (count, root) => {
    expect(rootOf(published.slice(0, count).map((leaf) => Buffer.from(leaf, 'hex')))).toBe(root);
  });

  test('is that of RFC 6962 section 2.1 for every number of leaves up to 200', () => {
    const leaves = Array.from({ length: 200 }, (_, n) => Buffer.from(`leaf ${n}`));
    for (let count = 0; count <= leaves.length; count++) {
      expect(rootOf(leaves.slice(0, count))).toBe(treeHead(leaves.slice(0, count)).toString('hex'));
    }
  });

  test('asked for between leaves changes nothing', () => {
    const tree = new MerkleTreeHasher();
    for (let n = 0; n < 37; n++) {
      tree.addLeaf(leafHash(Buffer.of(n)));
      expect(tree.root()).toEqual(tree.root());
    }
    expect(tree.root()).toEqual(treeHead(Array.from({ length: 37 }, (_, n) => Buffer.of(n))));
  });
});
