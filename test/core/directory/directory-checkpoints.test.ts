/** Checkpoints, pins, heads, and the start of a new client (docs/format-directory.md, sections 4 and 8). */
import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { applyEntry } from '../../../core/directory/apply-entry.ts';
import { checkpointOf } from '../../../core/directory/checkpoint-roots.ts';
import { deviceIdOf, zeroHash } from '../../../core/directory/directory-ids.ts';
import { compareHeads, directoryPin } from '../../../core/directory/directory-pin.ts';
import { type DirectoryState, initialDirectory, withDevice } from '../../../core/directory/directory-state.ts';
import { entryHash, parseSignedEntry, signEntry } from '../../../core/directory/entry.ts';
import type { EntryBody } from '../../../core/directory/entry-bodies.ts';
import { inclusionProof, rootOf, treeRoot, verifyInclusion } from '../../../core/directory/hash-tree.ts';
import { type DirectoryBundle, resumeFromCheckpoint } from '../../../core/directory/resume-from-checkpoint.ts';
import { encodeLeaves } from '../../../core/directory/state-leaves.ts';
import { decodeDirectoryState, encodeDirectoryState } from '../../../core/directory/state-snapshot.ts';
import { draftEntry, writeEntry } from '../../../core/directory/write-entry.ts';
import { encodeFieldBytes, u64Bytes } from '../../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../../core/encoding/field-reader.ts';
import * as ed25519 from '../../../core/hazmat/ed25519.ts';
import {
  accepted,
  ann,
  DirectorySimulator,
  factsOf,
  fullDirectory,
  newDevice,
  now,
  org,
  otherOrg,
  summary,
} from './directory-simulator.ts';

vi.mock('../../../core/hazmat/ed25519.ts', async (original) => {
  const module = await original<typeof ed25519>();
  return { ...module, verifyEd25519: vi.fn(module.verifyEd25519) };
});
const countVerifications = () => vi.mocked(ed25519.verifyEd25519).mock.calls.length;
beforeEach(() => {
  vi.mocked(ed25519.verifyEd25519).mockClear();
});

const full = fullDirectory();
const { log, state: end } = full.directory;
const at = log.findIndex(({ signed }) => {
  const entry = parseSignedEntry(signed);
  return typeof entry !== 'string' && entry.op === 'checkpoint';
});
const { before, signed: checkpoint } = log[at] ?? expect.fail('no checkpoint');
const bundle: DirectoryBundle = {
  checkpoint,
  subtrees: before.entries.subtrees,
  leaves: encodeLeaves(before),
  tail: log.slice(at + 1).map(({ signed }) => signed),
};
const resume = (changes: Partial<DirectoryBundle> = {}, pin = directoryPin(end), of = org) =>
  resumeFromCheckpoint(of, pin, { ...bundle, ...changes });

/** The hash of a signed entry. */
const hashOf = (signed: Uint8Array) => {
  const entry = parseSignedEntry(signed);
  return typeof entry === 'string' ? expect.fail(entry) : entryHash(entry.unsigned);
};

describe('a new client', () => {
  test('reaches the state of the chain from a checkpoint, and goes on from there like everybody', () => {
    const resumed = resume() ?? expect.fail();
    expect(encodeLeaves(resumed)).toEqual(encodeLeaves(end));
    expect([resumed.head, resumed.entries, resumed.genesis]).toEqual([end.head, end.entries, end.genesis]);
    const body = { op: 'admit', device: factsOf(newDevice(), 'carolcarolcarolc', 'owner') } as const;
    const signed = writeEntry(end, body, now, full.directory.authority);
    const [one, two] = [accepted(applyEntry(resumed, signed)), accepted(applyEntry(end, signed))];
    expect(checkpointOf(one)).toEqual(checkpointOf(two));
    // Indexes follow from the leaves too: used keys, invites and owners.
    for (const device of [full.annPhone, full.annLaptop, full.bobAgent]) {
      const again = writeEntry(
        resumed,
        { op: 'admit', device: factsOf(device, ann, 'owner') },
        now,
        full.directory.authority,
      );
      expect(summary(applyEntry(resumed, again))).toBe('void key_reused');
    }
    const invited = {
      op: 'admit',
      device: factsOf(newDevice(), ann, 'owner', { invite: 'inviteinviteinvi' }),
    } as const;
    expect(summary(applyEntry(resumed, writeEntry(resumed, invited, now, full.directory.authority)))).toBe(
      'void invite_reused',
    );
  });

  test('accepts any pinned head from the checkpoint on, and none before it, of another chain, or of another org', () => {
    for (const index of [0, at - 1, at, at + 1, log.length - 1]) {
      const pin = directoryPin(accepted(log[index]?.outcome ?? expect.fail()));
      expect(resume({}, pin) !== undefined, `${index}`).toBe(index >= at);
    }
    expect(resume({}, zeroHash)).toBeUndefined();
    expect(resume({}, directoryPin(new DirectorySimulator().begin().state))).toBeUndefined();
    expect(resume({}, directoryPin({ ...end, genesis: zeroHash }))).toBeUndefined();
    expect(resume({}, directoryPin({ ...end, org: otherOrg }))).toBeUndefined();
    expect(resume({}, directoryPin(end), otherOrg)).toBeUndefined();
  });

  test('refuses a bundle of which any leaf, subtree, entry or byte of the checkpoint was changed, dropped or added', () => {
    const { leaves, subtrees, tail } = bundle;
    const flipped = (bytes: Uint8Array, position: number) =>
      new Uint8Array(bytes).with(position, (bytes[position] ?? 0) ^ 1) as typeof checkpoint;
    for (const [index, leaf] of leaves.entries()) {
      expect(resume({ leaves: leaves.with(index, flipped(leaf, leaf.length - 1)) })).toBeUndefined();
      expect(resume({ leaves: leaves.toSpliced(index, 1) })).toBeUndefined();
      expect(resume({ leaves: leaves.toSpliced(index, 0, leaf) })).toBeUndefined();
    }
    expect(resume({ leaves: leaves.toReversed() })).toBeUndefined();
    for (const index of subtrees.keys()) {
      expect(resume({ subtrees: subtrees.with(index, zeroHash) })).toBeUndefined();
      expect(resume({ subtrees: subtrees.toSpliced(index, 1) })).toBeUndefined();
    }
    expect(resume({ subtrees: [] })).toBeUndefined();
    for (const index of tail.keys()) expect(resume({ tail: tail.toSpliced(index, 1) })).toBeUndefined();
    for (let position = 0; position < checkpoint.length; position += 7)
      expect(resume({ checkpoint: flipped(checkpoint, position) })).toBeUndefined();
    expect(resume({ checkpoint: tail[0] ?? expect.fail() })).toBeUndefined();
  });

  test('is not given authorities that the service invented, whatever checkpoint they sign', () => {
    const thief = new DirectorySimulator().begin();
    thief.admit(ann, 'owner');
    // A state of its own, with the genesis of the true chain, at the place of the true checkpoint.
    const invented: DirectoryState = {
      ...thief.state,
      genesis: end.genesis,
      head: before.head,
      entries: before.entries,
    };
    const body: EntryBody = {
      op: 'checkpoint',
      entries: treeRoot(before.entries),
      state: rootOf(encodeLeaves(invented)),
    };
    const signed = writeEntry(invented, body, now, thief.authority);
    const changes = { checkpoint: signed, leaves: encodeLeaves(invented) };
    expect(resume(changes)).toBeUndefined();
    expect(resume({ ...changes, tail: [] })).toBeUndefined();
    // The same bundle is a valid one of the invented chain: only the pin tells them apart.
    const head = { seq: before.head.seq + 1, hash: hashOf(signed) };
    const pin = directoryPin({ org, genesis: end.genesis, head });
    expect(resume({ ...changes, tail: [] }, pin)).toBeDefined();
    // Even there, the checkpoint is signed by an authority.
    const stranger = writeEntry(invented, body, now, ed25519.generateEd25519KeyPair());
    const strange = { ...changes, checkpoint: stranger, tail: [] };
    const strangePin = directoryPin({ org, genesis: end.genesis, head: { ...head, hash: hashOf(stranger) } });
    expect(resume(strange, strangePin)).toBeUndefined();
  });

  test('verifies 10,000 devices by one signature', () => {
    const { directory } = fullDirectory();
    let { state } = directory;
    for (let n = 0; n < 10_000; n++) {
      const ik = new Uint8Array(createHash('sha256').update(`ik ${n}`).digest());
      const dh = new Uint8Array(createHash('sha256').update(`dh ${n}`).digest());
      const facts = {
        person: `p${String(n).padStart(15, '0')}`,
        role: 'owner',
        can: [],
        ik,
        dh,
        expires: 0,
        name: zeroHash,
        invite: '',
      } as const;
      const added = {
        id: deviceIdOf(org, facts),
        since: 1,
        entry: zeroHash,
        confirmed: true,
        status: 'active',
        changed: 1,
      } as const;
      state = withDevice(state, { ...facts, ...added });
    }
    const leaves = encodeLeaves(state);
    const body = { op: 'checkpoint', entries: treeRoot(state.entries), state: rootOf(leaves) } as const;
    const signed = writeEntry(state, body, now, directory.authority);
    const head = { seq: state.head.seq + 1, hash: hashOf(signed) };
    vi.mocked(ed25519.verifyEd25519).mockClear();
    const large = { checkpoint: signed, subtrees: state.entries.subtrees, leaves, tail: [] };
    const resumed = resumeFromCheckpoint(org, directoryPin({ ...state, head }), large) ?? expect.fail();
    expect(countVerifications()).toBe(1);
    expect([resumed.devices.size, resumed.head]).toEqual([end.devices.size + 10_000, head]);
  });
});

describe('a false checkpoint', () => {
  const directory = new DirectorySimulator().begin();
  const owner = directory.admit(ann, 'owner');
  const { state, authority, authorities } = directory;
  const good = checkpointOf(state);
  const write = (body: EntryBody, by = authority, cosigner?: typeof by) =>
    summary(applyEntry(state, writeEntry(state, body, now, by, cosigner)));

  test('stops every reader, so that no new client can meet it below a pinned head', () => {
    expect(write({ op: 'checkpoint', ...good })).toBe('accept');
    const other = new Uint8Array(32).fill(1);
    expect(write({ op: 'checkpoint', ...good, state: other })).toBe('stop bad_checkpoint');
    expect(write({ op: 'checkpoint', ...good, entries: other })).toBe('stop bad_checkpoint');
    for (const signer of [owner.ik, directory.recovery])
      expect(write({ op: 'checkpoint', ...good }, signer)).toBe('stop bad_checkpoint');
    expect(write({ op: 'checkpoint', ...good }, authority, authorities[1])).toBe('stop bad_checkpoint');
    const entry = {
      ...draftEntry(state, { op: 'checkpoint', ...good }, now, authority.publicKey),
      body: new Uint8Array(3),
    };
    expect(summary(applyEntry(state, signEntry(entry, authority)))).toBe('stop bad_checkpoint');
  });
});

describe('heads', () => {
  const hashAt = (seq: number) =>
    seq > 3 ? log[seq - 1] && accepted(log[seq - 1]?.outcome ?? expect.fail()).head.hash : undefined;

  test('of messages show a directory that is behind, frozen or forked', () => {
    const { seq, hash } = end.head;
    expect(compareHeads(end, end.head, hashAt)).toBe('known');
    expect(compareHeads(end, { seq, hash: zeroHash }, hashAt)).toBe('forked');
    expect(compareHeads(end, { seq: seq + 1, hash: zeroHash }, hashAt)).toBe('ahead');
    expect(compareHeads(end, { seq: 5, hash: hashAt(5) ?? expect.fail() }, hashAt)).toBe('known');
    expect(compareHeads(end, { seq: 5, hash }, hashAt)).toBe('forked');
    expect(compareHeads(end, { seq: 3, hash }, hashAt)).toBe('older');
  });

  test('that are older than the stored hashes are proven by inclusion', () => {
    const hashes = log.map(({ outcome }) => accepted(outcome).head.hash);
    const root = treeRoot(end.entries);
    expect(root).toEqual(rootOf(hashes));
    for (const [index, hash] of hashes.entries()) {
      const proof = inclusionProof(hashes, index);
      expect(verifyInclusion(hash, index, hashes.length, proof, root)).toBe(true);
      expect(verifyInclusion(zeroHash, index, hashes.length, proof, root)).toBe(false);
      expect(verifyInclusion(hash, index + 1, hashes.length, proof, root)).toBe(false);
      expect(verifyInclusion(hash, index, hashes.length, proof.slice(1), root)).toBe(false);
    }
    expect(verifyInclusion(zeroHash, 0, 0, [], root)).toBe(false);
  });
});

describe('a stored state', () => {
  test('comes back as it was, for its org only, and in its own form only', () => {
    const encoded = encodeDirectoryState(end);
    const decoded = decodeDirectoryState(org, encoded);
    expect([checkpointOf(decoded), decoded.head, decoded.org]).toEqual([checkpointOf(end), end.head, org]);
    expect([...decoded.fleets.keys(), ...decoded.links.keys()]).toEqual([...end.fleets.keys(), ...end.links.keys()]);
    for (const bad of [
      encoded.subarray(1),
      new Uint8Array(0),
      new Uint8Array([...encoded, 0, 0, 0, 0]),
      encoded.slice(0, -3),
    ])
      expect(() => decodeDirectoryState(org, bad)).toThrow(DecryptionError);
    expect(() => decodeDirectoryState(otherOrg, encoded)).toThrow(DecryptionError);
    const wrongHead = new Uint8Array(encoded);
    const seqAt = 4 + 'anima:directory-state:v1'.length + 4 + org.length + 4;
    wrongHead.set(u64Bytes(end.head.seq + 1), seqAt);
    expect(() => decodeDirectoryState(org, wrongHead)).toThrow(DecryptionError);
  });

  test('has its leaves in order, each once and with exactly its fields', () => {
    const fields = decodeFieldBytes(encodeDirectoryState(end)) ?? [];
    const withLeaves = (leaves: readonly Uint8Array[]) =>
      decodeDirectoryState(org, encodeFieldBytes(...fields.slice(0, 5), encodeFieldBytes(...leaves)));
    const leaves = encodeLeaves(end);
    expect(withLeaves(leaves).head).toEqual(end.head);
    expect(() => withLeaves(leaves.toReversed())).toThrow(DecryptionError);
    for (const [index, leaf] of leaves.entries()) {
      const longer = new Uint8Array([...leaf, 0, 0, 0, 0]);
      expect(() => withLeaves(leaves.with(index, longer))).toThrow(DecryptionError);
      expect(() => withLeaves(leaves.toSpliced(index, 0, leaf))).toThrow(DecryptionError);
    }
  });

  test('of an org without entries has no leaves to come back from', () => {
    expect(() => decodeDirectoryState(org, encodeDirectoryState(initialDirectory(org)))).toThrow(DecryptionError);
    expect(() => initialDirectory('ORG')).toThrow(RangeError);
  });
});
