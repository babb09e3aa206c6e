/** The hashes of pruned entries: proofs over any number of groups, and writes that are repeated. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { DecryptionError } from '../../core/decryption-error.ts';
import { appendLeaf, frontierRoot, merkleLeafHash, verifyInclusion } from '../../core/devices/merkle-frontier.ts';
import { u64Bytes } from '../../core/encoding/bytes.ts';
import { emptyFrontier } from '../../core/encoding/merkle-shape.ts';
import { addHashes, groupSize, proofOf } from '../../lambdas/devices/entry-hashes.ts';
import { InMemoryBundles, InMemoryLogs } from './in-memory-device-stores.ts';

const scope = { org: '0123456789abcdef', user: 'ghjkmnpqrstvwxyz', vault: 'v0v1v2v3v4v5v6v7' };
const most = 2 * groupSize + 300;
const leaves = Array.from({ length: most }, (_, at) => u64Bytes(at));
const hashes = await Promise.all(leaves.map(merkleLeafHash));

/** The root over the first leaves. */
async function rootOver(count: number) {
  let frontier = emptyFrontier;
  for (const leaf of leaves.slice(0, count)) frontier = await appendLeaf(frontier, leaf);
  return await frontierRoot(frontier);
}

test('an entry is proved in the tree of every checkpoint after it, however the hashes were added', {
  timeout: 60_000,
}, async () => {
  const counts = fc.array(fc.integer({ min: 1, max: most }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(counts, fc.nat(), fc.integer({ min: 0, max: 40 }), async (ends, at, repeated) => {
      const store = new InMemoryBundles(new InMemoryLogs());
      const sorted = [...ends].sort((a, b) => a - b);
      let from = 0;
      for (const end of sorted) {
        await addHashes(store, scope, from, hashes.slice(from, end));
        // A step that is done again, also by a request that is late.
        const again = Math.max(0, from - repeated);
        await addHashes(store, scope, again, hashes.slice(again, Math.max(again, end - repeated)));
        from = end;
      }
      for (const count of sorted) {
        const index = at % count;
        const proof = await proofOf(store, scope, index, count);
        const root = await rootOver(count);
        expect(await verifyInclusion(leaves[index] ?? expect.fail(), index, count, proof, root)).toBe(true);
      }
    }),
    { numRuns: 15 },
  );
});

test('hashes are not added after a gap', async () => {
  const store = new InMemoryBundles(new InMemoryLogs());
  await expect(addHashes(store, scope, 1, hashes.slice(1, 3))).rejects.toThrow(DecryptionError);
  await expect(proofOf(store, scope, 0, 3)).rejects.toThrow();
  await addHashes(store, scope, 0, hashes.slice(0, 2));
  await expect(proofOf(store, scope, 2, 3)).rejects.toThrow(DecryptionError);
});
