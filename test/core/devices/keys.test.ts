/** Record plaintext, epochs, wraps, and what a removed device can open. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { zeroHash } from '../../../core/devices/chain-entry.ts';
import { initialState } from '../../../core/devices/chain-state.ts';
import {
  type DeviceKeys,
  exportDeviceKeys,
  generateDeviceKeys,
  importDeviceKeys,
  publicKeysOf,
  signAsDevice,
  verifyDeviceSignature,
} from '../../../core/devices/device-keys.ts';
import {
  deriveEpochKey,
  destroyEpochKey,
  type EpochKey,
  newUmk,
  openEarlierUmk,
  openLabel,
  sealEarlierUmk,
  sealLabel,
} from '../../../core/devices/epoch-keys.ts';
import {
  createKeyWraps,
  encodeKeyWraps,
  keyWrapsHash,
  openKeyWraps,
  readKeyWraps,
} from '../../../core/devices/key-wraps.ts';
import { openChange } from '../../../core/devices/record-changes.ts';
import { encodeRecordPlaintext, parseRecordPlaintext } from '../../../core/devices/record-plaintext.ts';
import { deviceIdOf } from '../../../core/devices/vault-scope.ts';
import { draftRoster, nextEpochKey } from '../../../core/devices/write-entry.ts';
import { utf8Bytes } from '../../../core/encoding/bytes.ts';
import { paddedLength } from '../../../core/encoding/padding.ts';
import { createWebCryptoBoxKey, importBoxKey } from '../../../core/hazmat/portable-aes-gcm.ts';
import { hex } from '../published-vectors.ts';
import { accepted, fullVault, memberOf, otherScope, scope, VaultSimulator } from './vault-simulator.ts';

const failure = (promise: Promise<unknown>) => expect(promise).rejects.toThrow(DecryptionError);
const device = 'd'.repeat(32);
const hash = new Uint8Array(32).fill(9);
const receiver = (keys: DeviceKeys) => ({ id: keys.id, ecdh: keys.ecdh.publicKey });

describe('the plaintext of a record', () => {
  const record = {
    version: 3,
    parent: hash,
    device,
    lamport: 7,
    live: true,
    mediaType: 'text/plain',
    body: utf8Bytes('x'),
  };

  test('every record comes back, and its length is one of few', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), fc.integer({ min: 1 }), fc.nat(), (body, version, lamport) => {
        const value = { ...record, version, lamport, body: new Uint8Array(body) };
        const encoded = encodeRecordPlaintext(value);
        expect(parseRecordPlaintext(encoded)).toEqual(value);
        expect(encoded.length).toBe(paddedLength(encoded.length));
      }),
    );
    const dead = { ...record, live: false, mediaType: '', body: new Uint8Array(0) };
    expect(parseRecordPlaintext(encodeRecordPlaintext(dead))).toEqual(dead);
  });

  test('padding costs at most 12 %, and lengths up to 1 MiB have at most 260 values', () => {
    const lengths = new Set<number>();
    for (let length = 0; length <= 1_048_576; length += 61) {
      const padded = paddedLength(length);
      expect(padded).toBeGreaterThanOrEqual(length);
      if (length > 256) expect(padded / length).toBeLessThan(1.12);
      lengths.add(padded);
    }
    expect(lengths.size).toBeLessThan(260);
    expect([0, 256, 257, 1000, 1024, 1025].map(paddedLength)).toEqual([256, 256, 272, 1024, 1024, 1088]);
  });

  test('there is no form without encryption parameters: bare JSON and compressed JSON are refused', () => {
    for (const bytes of [Buffer.from('{}'), Buffer.of(1, 0x78), Buffer.of(), Buffer.of(2), Buffer.alloc(256, 1)]) {
      expect(() => parseRecordPlaintext(bytes)).toThrow(DecryptionError);
    }
  });

  test('another length, content in the padding, and a body in a tombstone are refused', () => {
    const encoded = encodeRecordPlaintext(record);
    const dirty = encoded.slice();
    dirty[255] = 1;
    for (const bad of [dirty, encoded.subarray(0, -1), Buffer.concat([encoded, Buffer.alloc(256)])]) {
      expect(() => parseRecordPlaintext(bad)).toThrow(DecryptionError);
    }
    expect(() => encodeRecordPlaintext({ ...record, live: false })).toThrow(RangeError);
    expect(() => encodeRecordPlaintext({ ...record, version: 0 })).toThrow(RangeError);
    expect(() => encodeRecordPlaintext({ ...record, mediaType: '' })).toThrow(RangeError);
    expect(() => encodeRecordPlaintext({ ...record, mediaType: 'text plain' })).toThrow(RangeError);
  });

  test('any byte that is changed gives another record or none', () => {
    const encoded = encodeRecordPlaintext(record);
    fc.assert(
      fc.property(fc.nat(encoded.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = encoded.slice();
        changed[at] = (changed[at] ?? 0) ^ mask;
        try {
          expect(parseRecordPlaintext(changed)).not.toEqual(record);
        } catch (error) {
          expect(error).toBeInstanceOf(DecryptionError);
        }
      }),
    );
  });
});

describe('boxes', () => {
  test('node:crypto and WebCrypto open each other', async () => {
    const key = hex('07'.repeat(32));
    const [node, web] = [await importBoxKey(key), await createWebCryptoBoxKey(key)];
    const aad = utf8Bytes('aad');
    expect(await web.open(aad, await node.seal(aad, utf8Bytes('a text')))).toEqual(utf8Bytes('a text'));
    expect(new Uint8Array(await node.open(aad, await web.seal(aad, utf8Bytes('a text'))))).toEqual(utf8Bytes('a text'));
    for (const one of [node, web]) {
      await failure(one.open(utf8Bytes('other'), await node.seal(aad, utf8Bytes('a text'))));
      await failure(one.open(aad, new Uint8Array(27)));
    }
    await expect(importBoxKey(key.subarray(1))).rejects.toThrow(RangeError);
  });
});

describe('the keys of an epoch', () => {
  test('another org, user, vault or epoch gives other keys', async () => {
    const umk = newUmk();
    const commitments = await Promise.all(
      [scope, otherScope, { ...scope, user: '0'.repeat(16) }, { ...scope, org: '0'.repeat(16) }]
        .map((one) => deriveEpochKey(one, 1, umk))
        .concat(deriveEpochKey(scope, 2, umk)),
    );
    expect(new Set(commitments.map(({ commitment }) => commitment.join())).size).toBe(5);
  });

  test('the UMK of an earlier epoch opens with its commitment only, and not as another epoch', async () => {
    const first = await deriveEpochKey(scope, 1, newUmk());
    const second = await deriveEpochKey(scope, 2, newUmk());
    const box = await sealEarlierUmk(second, first);
    expect((await openEarlierUmk(second, 1, box, first.commitment)).umk).toEqual(first.umk);
    await failure(openEarlierUmk(second, 1, box, second.commitment));
    await failure(openEarlierUmk(second, 0, box, first.commitment));
    await failure(openEarlierUmk(first, 1, box, first.commitment));
  });

  test('a label opens for its device and epoch only', async () => {
    const first = await deriveEpochKey(scope, 1, newUmk());
    const box = await sealLabel(first, device, utf8Bytes('Laptop'));
    expect(new Uint8Array(await openLabel(first, device, box))).toEqual(utf8Bytes('Laptop'));
    await failure(openLabel(first, 'e'.repeat(32), box));
    await failure(openLabel(await deriveEpochKey(scope, 2, first.umk), device, box));
  });

  test('the UMK is zero after use', async () => {
    const key = await deriveEpochKey(scope, 1, newUmk());
    destroyEpochKey(key);
    expect(key.umk).toEqual(new Uint8Array(32));
  });

  test('the id of a device follows from both of its keys', async () => {
    const keys = await generateDeviceKeys(false);
    const { ecdh, ecdsa } = publicKeysOf(keys);
    expect(keys.id).toBe(await deviceIdOf({ ecdh, ecdsa }));
    expect(await deviceIdOf({ ecdh: ecdsa, ecdsa: ecdh })).not.toBe(keys.id);
  });
});

describe('the keys of a device', () => {
  test('are exported only if they were made for that, and come back as the same device, not extractable', async () => {
    const keys = await generateDeviceKeys(true);
    const bytes = await exportDeviceKeys(keys);
    const imported = await importDeviceKeys(bytes);
    expect(imported.id).toBe(keys.id);
    await expect(exportDeviceKeys(imported)).rejects.toThrow('not extractable');
    await expect(exportDeviceKeys(await generateDeviceKeys(false))).rejects.toThrow('not extractable');
    const other = await exportDeviceKeys(await generateDeviceKeys(true));
    const mixed = bytes.slice();
    mixed.set(other.subarray(73, 105), 73);
    for (const bad of [mixed, bytes.subarray(1), bytes.subarray(0, -36), new Uint8Array(0)])
      await failure(importDeviceKeys(bad));
  });

  test('sign a message, which verifies under the key of this device only', async () => {
    const [keys, other] = [await generateDeviceKeys(false), await generateDeviceKeys(false)];
    const message = utf8Bytes('a request');
    const signature = await signAsDevice(keys, message);
    expect(await verifyDeviceSignature(keys.ecdsa.publicKey, message, signature)).toBe(true);
    expect(await verifyDeviceSignature(other.ecdsa.publicKey, message, signature)).toBe(false);
    expect(await verifyDeviceSignature(keys.ecdsa.publicKey, utf8Bytes('other'), signature)).toBe(false);
    expect(await verifyDeviceSignature(new Uint8Array(65), message, signature)).toBe(false);
  });

  test('belong to a vault whose ids have the right form', () => {
    for (const change of [{ org: 'A'.repeat(16) }, { user: 'x' }, { vault: 'v:v0v1v2v3v4v5v6' }]) {
      expect(() => initialState({ ...scope, ...change })).toThrow(RangeError);
    }
  });
});

describe('wraps', () => {
  const setUp = async () => {
    const [a, b, stranger] = [
      await generateDeviceKeys(false),
      await generateDeviceKeys(false),
      await generateDeviceKeys(false),
    ];
    const first = await deriveEpochKey(scope, 1, newUmk());
    const second = await deriveEpochKey(scope, 2, newUmk());
    const encoded = await createKeyWraps(second, [receiver(a), receiver(b)], first);
    const expected = { epoch: 2, commitment: second.commitment, hash: await keyWrapsHash(encoded) };
    return { a, b, stranger, first, second, encoded, expected };
  };

  test('each member opens the UMK, and with it the one before; nobody else does', async () => {
    const { a, b, stranger, first, second, encoded, expected } = await setUp();
    for (const one of [a, b]) {
      const { key, history } = await openKeyWraps(scope, one, encoded, expected);
      expect(key.umk).toEqual(second.umk);
      const earlier = await openEarlierUmk(key, history?.epoch ?? 0, history?.box ?? hash, first.commitment);
      expect(earlier.umk).toEqual(first.umk);
    }
    await failure(openKeyWraps(scope, stranger, encoded, expected));
    await failure(openKeyWraps(scope, { ...stranger, id: a.id }, encoded, expected));
  });

  test('wraps of another entry, epoch or vault, and a UMK of the choice of a server are refused', async () => {
    const { a, encoded, expected, first } = await setUp();
    await failure(openKeyWraps(scope, a, encoded, { ...expected, hash }));
    await failure(openKeyWraps(scope, a, encoded, { ...expected, epoch: 1 }));
    await failure(openKeyWraps(scope, a, encoded, { ...expected, commitment: first.commitment }));
    await failure(openKeyWraps(otherScope, a, encoded, expected));
    const chosen = await createKeyWraps(await deriveEpochKey(scope, 2, newUmk()), [receiver(a)], undefined);
    await failure(openKeyWraps(scope, a, chosen, expected));
    await failure(openKeyWraps(scope, a, chosen, { ...expected, hash: await keyWrapsHash(chosen) }));
  });

  test('no changed byte passes the hash, and no other form parses even with its hash', async () => {
    const { encoded } = await setUp();
    const parsed = await readKeyWraps(scope, encoded, await keyWrapsHash(encoded));
    const read = async (bytes: Uint8Array) => readKeyWraps(scope, bytes, await keyWrapsHash(bytes));
    const changed = encoded.slice();
    changed[100] = (changed[100] ?? 0) ^ 1;
    await failure(readKeyWraps(scope, changed, await keyWrapsHash(encoded)));
    expect(encodeKeyWraps(await read(encodeKeyWraps(parsed)))).toEqual(encoded);
    await failure(readKeyWraps(otherScope, encoded, await keyWrapsHash(encoded)));
    const [one, two] = parsed.wraps;
    const box = new Uint8Array(60);
    for (const bad of [
      { ...parsed, wraps: [two, one].filter((wrap) => wrap !== undefined) },
      { ...parsed, wraps: [one, one].filter((wrap) => wrap !== undefined) },
      { ...parsed, sender: new Uint8Array(65).fill(4) },
      { ...parsed, history: { epoch: 2, box } },
      { ...parsed, history: { epoch: 1, box: box.subarray(1) } },
      { ...parsed, wraps: [{ device: 'x', salt: hash, box }] },
      { ...parsed, wraps: [{ device, salt: hash, box: box.subarray(1) }] },
      { ...parsed, wraps: Array.from({ length: 33 }, (_, n) => ({ device: toId(n), salt: hash, box })) },
    ]) {
      await failure(read(encodeKeyWraps(bad)));
    }
    const most = { ...parsed, wraps: Array.from({ length: 32 }, (_, n) => ({ device: toId(n), salt: hash, box })) };
    expect((await read(encodeKeyWraps(most))).wraps).toHaveLength(32);
    await failure(read(encoded.subarray(1)));
  });
});

const toId = (n: number) => `${n}`.padStart(32, '0');

describe('after a removal', () => {
  /** All keys that a device can reach with its private key, its cached UMKs and everything that the server stores. */
  async function reachable(
    vault: VaultSimulator,
    removed: DeviceKeys,
    cached: readonly EpochKey[],
  ): Promise<EpochKey[]> {
    const found = [...cached];
    const all = vault.log.flatMap(({ wraps }) => (wraps === undefined ? [] : [wraps]));
    for (const wraps of all) {
      const parsed = await readKeyWraps(scope, wraps, await keyWrapsHash(wraps));
      const { commitment } = vault.keys.get(parsed.epoch) ?? expect.fail();
      const expected = { epoch: parsed.epoch, commitment, hash: await keyWrapsHash(wraps) };
      // It can also claim to be any of the devices that the wraps are for.
      for (const { device: id } of parsed.wraps) {
        await openKeyWraps(scope, { ...removed, id }, wraps, expected).then(
          ({ key }) => found.push(key),
          () => undefined,
        );
      }
      for (const key of found.slice()) {
        const earlier = parsed.history?.epoch ?? 0;
        const known = vault.keys.get(earlier)?.commitment ?? hash;
        await openEarlierUmk(key, earlier, parsed.history?.box ?? hash, known).then(
          (opened) => found.push(opened),
          () => undefined,
        );
      }
    }
    return found;
  }

  test('no record written later opens with the full state of the removed device; the members read all', async () => {
    const operation = fc.constantFrom('put', 'put', 'add', 'rotate', 'recovery', 'remove-other');
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { maxLength: 8 }),
        fc.array(operation, { minLength: 1, maxLength: 8 }),
        fc.constantFrom('remove', 'leave', 'recover'),
        async (before, after, how) => {
          const vault = new VaultSimulator();
          const admin = await vault.begin();
          const removed = await vault.add(admin, 'admin');
          let writer = admin;
          const run = async (operations: readonly string[]) => {
            for (const [at, name] of operations.entries()) await runOne(vault, writer, name, `record-${at}`);
            accepted(await vault.put(writer, 'last', 'text'));
          };
          await run(before);
          const cached = [...vault.keys.values()];
          const from = vault.log.length;
          writer = await end(vault, admin, removed, how);
          await run(after);
          const keys = await reachable(vault, removed, cached);
          await expectUnreadable(vault, from, keys);
          // What it had, it keeps.
          expect(keys.length).toBeGreaterThanOrEqual(cached.length);
        },
      ),
      { numRuns: 25 },
    );
  });

  /** Expects that none of the keys opens a change from that entry on, and that the key of its epoch does. */
  async function expectUnreadable(vault: VaultSimulator, from: number, keys: readonly EpochKey[]): Promise<void> {
    const outcomes = vault.log.slice(from).map(({ outcome }) => accepted(outcome));
    const changes = outcomes.flatMap(({ entry, changes: applied }) => applied.map(({ change }) => ({ entry, change })));
    expect(changes.length).toBeGreaterThan(0);
    for (const { entry, change } of changes) {
      for (const key of keys) await failure(openChange(key, change, entry));
      const key = vault.keys.get(entry.epoch) ?? expect.fail();
      expect((await openChange(key, change, entry)).live).toBe(true);
    }
  }

  async function runOne(vault: VaultSimulator, writer: DeviceKeys, name: string, id: string): Promise<void> {
    if (name === 'put') accepted(await vault.put(writer, id, 'text'));
    else if (name === 'add') await vault.add(writer, 'data');
    else if (name === 'rotate') accepted(await vault.writeRoster(writer, { kind: 'rotate' }));
    else if (name === 'recovery') await vault.recovery(writer);
    else {
      const other = await vault.add(writer, 'data');
      await vault.remove(writer, other);
    }
  }

  async function end(vault: VaultSimulator, admin: DeviceKeys, removed: DeviceKeys, how: string): Promise<DeviceKeys> {
    if (how === 'remove') await vault.remove(admin, removed);
    if (how === 'leave') {
      accepted(await vault.writeRoster(removed, { kind: 'leave' }));
      accepted(await vault.writeRoster(admin, { kind: 'rotate' }));
    }
    if (how !== 'recover') return admin;
    const recovery = await vault.recovery(admin);
    const [rescued, next] = [await generateDeviceKeys(false), await generateDeviceKeys(false)];
    const members = { member: memberOf(rescued, 'admin'), recovery: memberOf(next, 'recovery') };
    accepted(await vault.writeRoster(recovery, { kind: 'recover', ...members, box: zeroHash }));
    return rescued;
  }

  test('every roster entry wraps the UMK for exactly the members that it leaves, or for the one that it adds', async () => {
    const { vault } = await fullVault();
    const kinds: string[] = [];
    for (const { wraps, outcome } of vault.log) {
      const { entry, state } = accepted(outcome);
      if (wraps === undefined) continue;
      const parsed = await readKeyWraps(scope, wraps, await keyWrapsHash(wraps));
      const added = [...state.members.values()].filter(({ since }) => since === entry.seq);
      const expected = entry.kind === 'add' ? added : [...state.members.values()];
      expect(parsed.wraps.map(({ device: id }) => id)).toEqual(expected.map(({ id }) => id).toSorted());
      expect([parsed.epoch, parsed.history?.epoch ?? 0]).toEqual([
        state.epoch,
        entry.kind === 'add' ? 0 : state.epoch - 1,
      ]);
      kinds.push(entry.kind);
    }
    expect(new Set(kinds).size).toBe(6);
  });

  test('keys of another epoch are not wrapped', async () => {
    const vault = new VaultSimulator();
    const admin = await vault.begin();
    const next = await nextEpochKey(vault.state);
    const added = { kind: 'add', member: memberOf(await generateDeviceKeys(false), 'data') } as const;
    const pairing = { pairing: 'pa01pa01pa01pa01', transcript: zeroHash };
    await expect(draftRoster(vault.state, { kind: 'rotate' }, vault.key, undefined)).rejects.toThrow(RangeError);
    await expect(draftRoster(vault.state, { ...added, ...pairing }, next, vault.key)).rejects.toThrow(RangeError);
    expect(admin.id).toBe([...vault.state.members.keys()][0]);
  });

  test('a member that joins later reaches the UMK of every epoch', async () => {
    const vault = new VaultSimulator();
    const admin = await vault.begin();
    for (let n = 0; n < 4; n++) accepted(await vault.writeRoster(admin, { kind: 'rotate' }));
    const late = await vault.add(admin, 'data');
    const keys = await reachable(
      { ...vault, log: vault.log.toReversed(), keys: vault.keys } as VaultSimulator,
      late,
      [],
    );
    expect(new Set(keys.map(({ epoch }) => epoch))).toEqual(new Set([1, 2, 3, 4, 5]));
  });
});
