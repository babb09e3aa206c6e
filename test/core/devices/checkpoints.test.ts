/** Checkpoints, acknowledgements, the Merkle tree, and the state from a checkpoint. */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { leafHash, MerkleTreeHasher } from '../../../core/audit/merkle-tree.ts';
import { createCheckpoint, encodeAcknowledgement, encodeCheckpoint } from '../../../core/devices/apply-content.ts';
import { applyEntry } from '../../../core/devices/apply-entry.ts';
import {
  encodeEntry,
  entryHash,
  isRosterKind,
  parseSignedEntry,
  signEntry,
  zeroHash,
} from '../../../core/devices/chain-entry.ts';
import { type ChainState, recordsRoot } from '../../../core/devices/chain-state.ts';
import type { DeviceKeys } from '../../../core/devices/device-keys.ts';
import {
  appendLeaf,
  frontierRoot,
  inclusionProof,
  merkleLeafHash,
  merkleRoot,
  pathOfNodes,
  rootOfNodes,
  verifyInclusion,
} from '../../../core/devices/merkle-frontier.ts';
import { PersistentMap } from '../../../core/devices/persistent-map.ts';
import type { Change } from '../../../core/devices/record-changes.ts';
import { type CheckpointBundle, resumeFromCheckpoint } from '../../../core/devices/resume-from-checkpoint.ts';
import { emptyFrontier } from '../../../core/encoding/merkle-shape.ts';
import { accepted, otherScope, scope, summary, time, VaultSimulator } from './vault-simulator.ts';

describe('the Merkle tree', () => {
  test('has the roots of the other implementation of RFC 6962, and proves every leaf and no other', async () => {
    const leaves = Array.from({ length: 20 }, (_, n) => Uint8Array.of(n));
    for (let count = 0; count <= leaves.length; count++) {
      const tree = new MerkleTreeHasher();
      const some = leaves.slice(0, count);
      for (const leaf of some) tree.addLeaf(leafHash(leaf));
      const root = await merkleRoot(some);
      expect(Buffer.from(root)).toEqual(tree.root());
      for (const [index, leaf] of some.entries()) {
        const proof = await inclusionProof(some, index);
        expect(await verifyInclusion(leaf, index, count, proof, root)).toBe(true);
        expect(await verifyInclusion(Uint8Array.of(99), index, count, proof, root)).toBe(false);
        expect(await verifyInclusion(leaf, (index + 1) % count, count, proof, root)).toBe(count === 1);
        expect(await verifyInclusion(leaf, index, count, [...proof, root], root)).toBe(false);
      }
    }
    expect(await verifyInclusion(zeroHash, 0, 0, [], await merkleRoot([]))).toBe(false);
    const single = await merkleRoot([zeroHash]);
    expect(await verifyInclusion(zeroHash, 0, 1, [], single)).toBe(true);
    for (const index of [-1, 1, 0.5, Number.NaN])
      expect(await verifyInclusion(zeroHash, index, 1, [], single)).toBe(false);
  });

  test('has the same root and proofs over groups of leaves, whose size is a power of two', async () => {
    for (const count of [1, 3, 4, 5, 8, 11, 16, 17, 21]) {
      const leaves = Array.from({ length: count }, (_, n) => Uint8Array.of(n));
      const nodes = await Promise.all(leaves.map(merkleLeafHash));
      const groups = Array.from({ length: Math.ceil(count / 4) }, (_, n) => nodes.slice(4 * n, 4 * n + 4));
      const roots = await Promise.all(groups.map(rootOfNodes));
      const root = await merkleRoot(leaves);
      expect(await rootOfNodes(roots)).toEqual(root);
      for (const [index, leaf] of leaves.entries()) {
        const at = Math.floor(index / 4);
        const path = [...(await pathOfNodes(groups[at] ?? [], index % 4)), ...(await pathOfNodes(roots, at))];
        expect(await verifyInclusion(leaf, index, count, path, root)).toBe(true);
      }
    }
    await expect(rootOfNodes([])).rejects.toThrow(RangeError);
  });

  test('a frontier does not change when a leaf is appended to it', async () => {
    const one = await appendLeaf(emptyFrontier, zeroHash);
    const root = await frontierRoot(one);
    await appendLeaf(one, zeroHash);
    expect(await frontierRoot(one)).toEqual(root);
    expect(emptyFrontier.subtrees).toEqual([]);
  });
});

test('a persistent map behaves like a map, and earlier ones do not change', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ maxLength: 3 }), fc.nat()), { maxLength: 100 }), (entries) => {
      const reference = new Map<string, number>();
      let map = PersistentMap.empty<number>();
      for (const [key, value] of entries) {
        const before = map;
        const old = map.get(key);
        map = map.set(key, value);
        expect(before.get(key)).toBe(old);
        reference.set(key, value);
      }
      for (const made of [map, PersistentMap.from(entries)]) {
        expect(made.size).toBe(reference.size);
        expect(made.values().toSorted()).toEqual([...reference.values()].toSorted());
        for (const [key, value] of reference) expect(made.get(key)).toBe(value);
      }
    }),
  );
});

describe('checkpoints', () => {
  let vault: VaultSimulator;
  let first: DeviceKeys;
  let second: DeviceKeys;
  let bundle: CheckpointBundle;
  let atCheckpoint: ChainState;
  beforeAll(async () => {
    vault = new VaultSimulator();
    first = await vault.begin();
    second = await vault.add(first, 'admin');
    for (const [id, text] of [
      ['a', '1'],
      ['b', '1'],
      ['a', '2'],
    ] as const)
      accepted(await vault.put(second, id, text));
    // A void entry is in the log, but not in the roster.
    expect(summary(await vault.writeRoster(first, { kind: 'remove', device: first.id }))).toBe('void own_device');
    const third = await vault.add(first, 'data');
    await vault.remove(first, third);
    // It does not change the epoch, so only the hash in the checkpoint shows that it was left out.
    await vault.add(first, 'data');
    accepted(await vault.put(first, 'c', '1'));
    const before = vault.state;
    accepted(await vault.checkpoint(first));
    atCheckpoint = vault.state;
    bundle = bundleOf(vault, before.entries.subtrees);
    accepted(await vault.acknowledge(second));
    accepted(await vault.put(second, 'a', '3'));
  });

  /** What a server keeps after it pruned the entries before the checkpoint. */
  function bundleOf({ log }: VaultSimulator, subtrees: CheckpointBundle['subtrees']): CheckpointBundle {
    const records = new Map<string, { epoch: number; change: Change }>();
    const roster: Uint8Array[] = [];
    for (const { signed, outcome } of log) {
      if (outcome.result !== 'accept') continue;
      if (isRosterKind(outcome.entry.kind)) roster.push(signed);
      for (const { change } of outcome.changes) records.set(change.id, { epoch: outcome.entry.epoch, change });
    }
    return { roster, checkpoint: log.at(-1)?.signed ?? expect.fail(), subtrees, records: [...records.values()] };
  }

  test('a checkpoint with any other root is void', async () => {
    const other = new VaultSimulator();
    const device = await other.begin();
    accepted(await other.put(device, 'a', '1'));
    const right = await createCheckpoint(other.state);
    for (const name of ['roster', 'entries', 'records'] as const) {
      const body = encodeCheckpoint({ ...right, [name]: zeroHash });
      expect(summary(await other.write(device, other.draft(device, 'checkpoint', body)))).toBe('void bad_checkpoint');
    }
    const stale = encodeCheckpoint(right);
    expect(summary(await other.write(device, other.draft(device, 'checkpoint', stale)))).toBe('void bad_checkpoint');
    expect(other.state.checkpoint).toBeUndefined();
    accepted(await other.checkpoint(device));
    expect(other.state.checkpoint?.seq).toBe(other.state.head.seq);
  });

  test('only another member can acknowledge it, and only as it is', async () => {
    const state = atCheckpoint;
    const { checkpoint } = state;
    if (checkpoint === undefined) expect.fail();
    const acknowledge = async (signer: DeviceKeys, seq: number, hash: Uint8Array<ArrayBuffer>) => {
      const copy = new VaultSimulator();
      copy.state = state;
      return await copy.write(signer, copy.draft(signer, 'acknowledge', encodeAcknowledgement({ seq, hash })));
    };
    const { seq, hash } = checkpoint;
    expect(summary(await acknowledge(first, seq, hash))).toBe('void bad_acknowledgement');
    expect(summary(await acknowledge(second, seq - 1, hash))).toBe('void bad_acknowledgement');
    expect(summary(await acknowledge(second, seq, zeroHash))).toBe('void bad_acknowledgement');
    expect(accepted(await acknowledge(second, seq, hash)).state.acknowledged).toEqual({ seq, hash });
  });

  test('its maker can acknowledge it only while no other member could', async () => {
    const alone = new VaultSimulator();
    const device = await alone.begin();
    const recovery = await alone.recovery(device);
    accepted(await alone.checkpoint(device));
    const { checkpoint = expect.fail() } = alone.state;
    const body = encodeAcknowledgement(checkpoint);
    const copy = new VaultSimulator();
    copy.state = alone.state;
    expect(summary(await copy.write(recovery, copy.draft(recovery, 'acknowledge', body)))).toBe('void forbidden');
    expect(accepted(await alone.acknowledge(device)).state.acknowledged?.seq).toBe(checkpoint.seq);
    const agent = await alone.add(device, 'data');
    accepted(await alone.checkpoint(device));
    expect(summary(await alone.acknowledge(device))).toBe('void bad_acknowledgement');
    accepted(await alone.acknowledge(agent));
  });

  test('the root over records binds type, id, version, hash and epoch, in any order of input', async () => {
    const heads = atCheckpoint.records.values();
    const root = await recordsRoot(heads);
    expect(await recordsRoot(heads.toReversed())).toEqual(root);
    const [head, ...rest] = heads;
    if (head === undefined) expect.fail();
    const changes = [{ type: 'todo' }, { id: 'z' }, { version: 9 }, { hash: zeroHash }, { epoch: 9 }];
    for (const change of changes) expect(await recordsRoot([{ ...head, ...change }, ...rest])).not.toEqual(root);
    expect(await recordsRoot(rest)).not.toEqual(root);
  });

  test('the state from a checkpoint is that of a reader of all entries, and both go on alike', async () => {
    const { state: resumed, roster } = (await resumeFromCheckpoint(scope, bundle)) ?? expect.fail('refused');
    expect(roster.map(({ signed }) => signed)).toEqual(bundle.roster);
    for (const [id, { lastSeq, lastTime }] of resumed.members) {
      expect(lastSeq).toBeLessThanOrEqual(atCheckpoint.members.get(id)?.lastSeq ?? 0);
      expect(lastTime >= time).toBe(true);
    }
    expect(resumed.head).toEqual(atCheckpoint.head);
    expect(resumed.records.values().toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
      atCheckpoint.records.values().toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    );
    expect(resumed.epochs).toEqual(atCheckpoint.epochs);
    let [one, two] = [resumed, atCheckpoint];
    for (const { signed, before } of vault.log.filter(({ before: { head } }) => head.seq >= atCheckpoint.head.seq)) {
      expect(before.head.seq).toBe(one.head.seq);
      one = accepted(await applyEntry(one, signed)).state;
      two = accepted(await applyEntry(two, signed)).state;
    }
    expect(await createCheckpoint(one)).toEqual(await createCheckpoint(two));
    expect(one.acknowledged?.seq).toBe(atCheckpoint.head.seq);
  });

  test('a stored head below the checkpoint is proved to be an ancestor', async () => {
    const { entries } = await createCheckpoint({ ...atCheckpoint, entries: { count: 0, subtrees: bundle.subtrees } });
    const hashes = await Promise.all(
      vault.log.map(async ({ signed }) => {
        const entry = parseSignedEntry(signed);
        return typeof entry === 'string' ? expect.fail() : await entryHash(entry.unsigned);
      }),
    );
    const before = hashes.slice(0, atCheckpoint.head.seq - 1);
    const proof = await inclusionProof(before, 3);
    expect(await verifyInclusion(hashes[3] ?? zeroHash, 3, before.length, proof, entries)).toBe(true);
    expect(await verifyInclusion(zeroHash, 3, before.length, proof, entries)).toBe(false);
  });

  test('a bundle with anything dropped, added, reordered or changed is refused', async () => {
    const [r0, r1, ...rest] = bundle.roster;
    const [c0, c1] = bundle.records;
    if (r0 === undefined || r1 === undefined || c0 === undefined || c1 === undefined) expect.fail();
    const box = c0.change.box.slice();
    box[20] = (box[20] ?? 0) ^ 1;
    const checkpoint = parseSignedEntry(bundle.checkpoint);
    if (typeof checkpoint === 'string') expect.fail();
    const resigned = await signEntry(checkpoint, second.ecdsa.privateKey);
    const older = vault.log.find(({ outcome }) => outcome.result === 'accept' && outcome.changes.length > 0);
    const flipped = r1.slice();
    flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
    const bad: Partial<CheckpointBundle>[] = [
      { roster: [] },
      { roster: [r0, ...rest] },
      { roster: [r1, r0, ...rest] },
      { roster: bundle.roster.slice(0, -1) },
      { roster: [r0, flipped, ...rest] },
      { roster: [...bundle.roster, bundle.checkpoint] },
      { subtrees: bundle.subtrees.slice(1) },
      { subtrees: [...bundle.subtrees, zeroHash] },
      { subtrees: bundle.subtrees.toReversed() },
      // The root itself is no list of subtrees of this number of leaves.
      { subtrees: [await frontierRoot({ count: 0, subtrees: bundle.subtrees })] },
      { records: [c1] },
      { records: bundle.records.slice(1) },
      { records: [...bundle.records, c0] },
      { records: [{ ...c0, epoch: c0.epoch + 1 }, ...bundle.records.slice(1)] },
      { records: [{ ...c0, change: { ...c0.change, box } }, ...bundle.records.slice(1)] },
      { checkpoint: resigned },
      { checkpoint: older?.signed ?? expect.fail() },
    ];
    for (const [at, change] of bad.entries()) {
      expect(await resumeFromCheckpoint(scope, { ...bundle, ...change }), `${at}`).toBeUndefined();
    }
    expect(await resumeFromCheckpoint(otherScope, bundle)).toBeUndefined();
  });

  test('a checkpoint of the recovery member, or with a roster entry from after it, is refused', async () => {
    const other = new VaultSimulator();
    const device = await other.begin();
    const recovery = await other.recovery(device);
    const { subtrees } = other.state.entries;
    const body = encodeCheckpoint(await createCheckpoint(other.state));
    const at = other.draft(device, 'checkpoint', body);
    const roster = other.log.map(({ signed }) => signed);
    const resume = async (signer: DeviceKeys, entry: typeof at, leaves: CheckpointBundle['subtrees'], all = roster) => {
      const checkpoint = await signEntry({ ...entry, signer: signer.id }, signer.ecdsa.privateKey);
      return await resumeFromCheckpoint(scope, { roster: all, checkpoint, subtrees: leaves, records: [] });
    };
    expect((await resume(device, at, subtrees))?.state.head.seq).toBe(3);
    expect(await resume(recovery, at, subtrees)).toBeUndefined();
    // A faulty admin states an earlier place in the chain than that of the newest roster entry.
    const one = await appendLeaf(emptyFrontier, zeroHash);
    const { roster: last, records } = await createCheckpoint(other.state);
    const early = encodeCheckpoint({ roster: last, entries: await frontierRoot(one), records });
    expect(await resume(device, { ...at, seq: 2, body: early }, one.subtrees)).toBeUndefined();
    accepted(await other.writeRoster(device, { kind: 'close' }));
    const closed = other.draft(device, 'checkpoint', encodeCheckpoint(await createCheckpoint(other.state)));
    const withClose = other.log.map(({ signed }) => signed);
    expect(await resume(device, closed, other.state.entries.subtrees, withClose)).toBeUndefined();
  });

  test('a first entry of another vault, or at another place, is refused although a checkpoint names it', async () => {
    const other = new VaultSimulator();
    const device = await other.begin();
    const genesis = parseSignedEntry(other.log[0]?.signed ?? expect.fail());
    if (typeof genesis === 'string') expect.fail();
    const resume = async (change: Partial<typeof genesis>) => {
      const entry = { ...genesis, ...change };
      const signed = await signEntry(entry, device.ecdsa.privateKey);
      const hash = await entryHash(encodeEntry(entry));
      let leaves = emptyFrontier;
      while (leaves.count < entry.seq) leaves = await appendLeaf(leaves, hash);
      const body = { roster: hash, entries: await frontierRoot(leaves), records: await recordsRoot([]) };
      const draft = { ...other.draft(device, 'checkpoint', encodeCheckpoint(body)), seq: entry.seq + 1 };
      const checkpoint = await signEntry(draft, device.ecdsa.privateKey);
      return await resumeFromCheckpoint(scope, {
        roster: [signed],
        checkpoint,
        subtrees: leaves.subtrees,
        records: [],
      });
    };
    expect((await resume({}))?.state.head.seq).toBe(2);
    expect(await resume({ scope: otherScope })).toBeUndefined();
    expect(await resume({ seq: 2 })).toBeUndefined();
    expect(await resume({ prev: new Uint8Array(32).fill(1) })).toBeUndefined();
    expect(await resume({ epoch: 1 })).toBeUndefined();
  });

  test('a checkpoint of a removed or unknown member is refused', async () => {
    const stranger = await new VaultSimulator().begin();
    const checkpoint = parseSignedEntry(bundle.checkpoint);
    if (typeof checkpoint === 'string') expect.fail();
    const forged = await signEntry({ ...checkpoint, signer: stranger.id }, stranger.ecdsa.privateKey);
    expect(await resumeFromCheckpoint(scope, { ...bundle, checkpoint: forged })).toBeUndefined();
  });
});
