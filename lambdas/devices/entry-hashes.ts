/**
 * The hashes of all entries of a log, also of pruned ones, in groups: for inclusion proofs of heads from before a
 * checkpoint. A group has 1,024 hashes of leaves, and the list `roots` has the root of each full group.
 */

import { DecryptionError } from '../../core/decryption-error.ts';
import { pathOfNodes, rootOfNodes } from '../../core/devices/merkle-frontier.ts';
import type { VaultScope } from '../../core/devices/vault-scope.ts';
import { type Bytes, concatBytes } from '../../core/encoding/bytes.ts';
import type { BundleStore } from './pruning-ports.ts';

/** A power of two, so that the roots of groups are nodes of the tree. A group is an item of 32 KiB. */
export const groupSize = 1_024;
const hashBytes = 32;

const split = (hashes: Uint8Array): Bytes[] =>
  Array.from(
    { length: Math.floor(hashes.length / hashBytes) },
    (_, at) => new Uint8Array(hashes.subarray(at * hashBytes, (at + 1) * hashBytes)),
  );

type HashStore = Pick<BundleStore, 'getHashes' | 'putHashes'>;

/**
 * Adds hashes of leaves. Those that are there already stay.
 * @param first index of the first one in the log, from 0
 * @throws DecryptionError if hashes before it are missing
 */
export async function addHashes(
  store: HashStore,
  scope: VaultScope,
  first: number,
  leaves: readonly Bytes[],
): Promise<void> {
  for (let at = 0; at < leaves.length; ) {
    const group = Math.floor((first + at) / groupSize);
    const offset = (first + at) % groupSize;
    const some = leaves.slice(at, at + groupSize - offset);
    const before = split(await store.getHashes(scope, group)).slice(0, offset);
    if (before.length < offset) throw new DecryptionError();
    const all = [...before, ...some];
    await store.putHashes(scope, group, concatBytes(...all));
    if (all.length === groupSize) await addRoot(store, scope, group, await rootOfNodes(all));
    at += some.length;
  }
}

async function addRoot(store: HashStore, scope: VaultScope, group: number, root: Bytes): Promise<void> {
  const roots = split(await store.getHashes(scope, 'roots'));
  if (roots.length < group) throw new DecryptionError();
  if (roots.length === group) await store.putHashes(scope, 'roots', concatBytes(...roots, root));
}

/**
 * The inclusion proof of an entry in the tree over the first `count` entries (RFC 6962 section 2.1.1).
 * @param index of the entry, from 0
 * @throws DecryptionError if hashes are missing
 */
export async function proofOf(
  store: Pick<BundleStore, 'getHashes'>,
  scope: VaultScope,
  index: number,
  count: number,
): Promise<readonly Bytes[]> {
  const full = Math.floor(count / groupSize);
  const nodesOf = async (group: number) =>
    split(await store.getHashes(scope, group)).slice(0, Math.min(groupSize, count - group * groupSize));
  const group = Math.floor(index / groupSize);
  const [roots, nodes] = [split(await store.getHashes(scope, 'roots')).slice(0, full), await nodesOf(group)];
  if (roots.length < full || nodes.length <= index % groupSize) throw new DecryptionError();
  if (count % groupSize !== 0) roots.push(await rootOfNodes(await nodesOf(full)));
  return [...(await pathOfNodes(nodes, index % groupSize)), ...(await pathOfNodes(roots, group))];
}
