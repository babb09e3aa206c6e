import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  judgePersonKey,
  type PersonKey,
  type PersonKeyContext,
  readPersonKey,
  signPersonKey,
} from '../../../core/approvals/person-key.ts';
import {
  secretOfEpoch,
  unwrapForDevice,
  unwrapForRecovery,
  wrapForRecovery,
} from '../../../core/approvals/person-key-wraps.ts';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { encodeFieldBytes } from '../../../core/encoding/bytes.ts';
import { decodeFieldBytes } from '../../../core/encoding/field-reader.ts';
import { ed25519KeyPairOf } from '../../../core/hazmat/ed25519.ts';
import { ann, bob, now, otherOrg } from '../directory/directory-simulator.ts';
import { ApprovalScene, randomBytes } from './approval-fixture.ts';
import { newPersonKey, nextEpoch } from './person-key-fixture.ts';

const context = (scene: ApprovalScene, more: Partial<PersonKeyContext> = {}): PersonKeyContext => ({
  ...{ state: scene.state, person: ann, now, relationOf: scene.relationOf },
  ...more,
});

const sign = (key: PersonKey, scene: ApprovalScene, by = scene.phone) =>
  readPersonKey(signPersonKey({ ...key, device: by.id }, by.ik)) ?? expect.fail('refused');

test('each device that has a wrap gets the secret, and no other device', async () => {
  const scene = new ApprovalScene();
  const { key, secret } = await newPersonKey(scene, [scene.phone]);
  const read = sign(key, scene);
  expect(read.key).toEqual(key);
  expect(judgePersonKey(read, context(scene))).toBeUndefined();
  expect(await unwrapForDevice(read.key, scene.phone.id, scene.phone.secret)).toEqual(secret);
  for (const [device, ak] of [
    [scene.laptop.id, scene.laptop.secret],
    [scene.phone.id, scene.laptop.secret],
  ] as const)
    await expect(unwrapForDevice(read.key, device, ak)).rejects.toThrow(DecryptionError);
});

test('a wrap opens for its org, person, epoch and key only', async () => {
  const scene = new ApprovalScene();
  const { key } = await newPersonKey(scene);
  const other = await newPersonKey(scene);
  for (const moved of [{ org: otherOrg }, { person: bob }, { epoch: 2 }, { key: other.key.key }])
    await expect(unwrapForDevice({ ...key, ...moved }, scene.phone.id, scene.phone.secret)).rejects.toThrow(
      DecryptionError,
    );
});

test('a device that seals another secret than that of the key gives nothing away', async () => {
  const scene = new ApprovalScene();
  const { key } = await newPersonKey(scene);
  const { key: other } = await newPersonKey(scene);
  const wraps = other.wraps.map((wrap) => ({ ...wrap }));
  await expect(unwrapForDevice({ ...key, wraps }, scene.phone.id, scene.phone.secret)).rejects.toThrow(DecryptionError);
});

test('the recovery code has the secret, and another code has not', async () => {
  const scene = new ApprovalScene();
  const { key, secret } = await newPersonKey(scene);
  const code = randomBytes(16);
  const kept = sign({ ...key, recovery: await wrapForRecovery(key, secret, code) }, scene).key;
  expect(await unwrapForRecovery(kept, code)).toEqual(secret);
  await expect(unwrapForRecovery(kept, randomBytes(16))).rejects.toThrow(DecryptionError);
  await expect(unwrapForRecovery({ ...kept, epoch: 2 }, code)).rejects.toThrow(DecryptionError);
  await expect(unwrapForRecovery(key, code)).rejects.toThrow(DecryptionError);
});

test('holders of the present epoch open earlier ones, and holders of an earlier one no later one', async () => {
  const scene = new ApprovalScene();
  const first = await newPersonKey(scene);
  const second = await nextEpoch(scene, first, [scene.phone]);
  const third = await nextEpoch(scene, second, [scene.phone]);
  expect(third.key.earlier.map(({ epoch }) => epoch)).toEqual([1, 2]);
  const kept = sign(third.key, scene).key;
  for (const [epoch, { secret }] of [first, second, third].entries())
    expect(await secretOfEpoch(kept, third.secret, epoch + 1)).toEqual(secret);
  await expect(unwrapForDevice(kept, scene.laptop.id, scene.laptop.secret)).rejects.toThrow(DecryptionError);
  for (const held of [first.secret, second.secret])
    await expect(secretOfEpoch(kept, held, 3)).rejects.toThrow(DecryptionError);
  await expect(secretOfEpoch(kept, first.secret, 2)).rejects.toThrow(DecryptionError);
  await expect(secretOfEpoch(kept, third.secret, 4)).rejects.toThrow(DecryptionError);
});

describe('nothing is sealed to a key', () => {
  test('of another person or org', async () => {
    const scene = new ApprovalScene();
    const { key } = await newPersonKey(scene);
    expect(judgePersonKey(sign(key, scene), context(scene, { person: bob }))).toBe('other_person');
    expect(judgePersonKey(sign({ ...key, org: otherOrg }, scene), context(scene))).toBe('other_person');
  });

  test('that the service, an authority or a device without the right to approve signed', async () => {
    const scene = new ApprovalScene();
    const { key } = await newPersonKey(scene);
    const device = scene.directory.add(scene.phone, ann, 'owner');
    const stranger = scene.directory.admit(bob, 'owner', { can: ['approve'] });
    for (const one of [device, stranger]) {
      const signed = signPersonKey({ ...key, device: one.id }, one.ik);
      const read = readPersonKey(signed) ?? expect.fail('refused');
      expect(judgePersonKey(read, context(scene))).toBe('not_approver');
    }
    for (const signer of [ed25519KeyPairOf(randomBytes()), scene.directory.authority, scene.laptop.ik]) {
      const read = readPersonKey(signPersonKey(key, signer)) ?? expect.fail('refused');
      expect(judgePersonKey(read, context(scene))).toBe('bad_signature');
    }
  });

  test.each(['suspend', 'revoke'] as const)('after %s of a device that has it, or of the signer', async (op) => {
    const scene = new ApprovalScene();
    const { key } = await newPersonKey(scene);
    const [byPhone, byLaptop] = [sign(key, scene), sign(key, scene, scene.laptop)];
    const subject = scene.laptop.id;
    scene.directory.append(scene.directory.authority, { op, subject, certificate: new Uint8Array(0) });
    expect(judgePersonKey(byPhone, context(scene))).toBe('key_outdated');
    expect(judgePersonKey(byLaptop, context(scene))).toBe('not_approver');
    const renewed = await nextEpoch(
      scene,
      { key, secret: await unwrapForDevice(key, scene.phone.id, scene.phone.secret) },
      [scene.phone],
    );
    expect(judgePersonKey(sign(renewed.key, scene), context(scene))).toBeUndefined();
  });

  describe('of an earlier statement that the service shows again', () => {
    const stop = (scene: ApprovalScene, op: 'suspend' | 'revoke', subject: string) =>
      scene.directory.append(scene.directory.authority, { op, subject, certificate: new Uint8Array(0) });

    test.each(['suspend', 'revoke'] as const)(
      'from before a device got the same secret, after %s of this device',
      async (op) => {
        const scene = new ApprovalScene();
        // The phone alone has the first epoch. Then the laptop gets it too, is lost, and the phone replaces the key.
        const { key } = await newPersonKey(scene, [scene.phone]);
        const first = sign(key, scene);
        expect(judgePersonKey(first, context(scene))).toBeUndefined();
        stop(scene, op, scene.laptop.id);
        expect(judgePersonKey(first, context(scene))).toBe('key_outdated');
      },
    );

    test('after a device that was admitted later was removed', async () => {
      const scene = new ApprovalScene();
      const first = sign((await newPersonKey(scene, [scene.phone])).key, scene);
      const tablet = scene.directory.add(scene.phone, ann, 'owner', { can: ['approve'] });
      expect(judgePersonKey(first, context(scene))).toBeUndefined();
      stop(scene, 'revoke', tablet.id);
      expect(judgePersonKey(first, context(scene))).toBe('key_outdated');
      const { key } = await newPersonKey(scene);
      expect(judgePersonKey(sign(key, scene), context(scene))).toBeUndefined();
    });

    test('after a device that could have got the secret expired', async () => {
      const scene = new ApprovalScene();
      const expires = now + 1000;
      scene.directory.add(scene.phone, ann, 'owner', { can: ['approve'], expires });
      const { key } = await newPersonKey(scene, [scene.phone]);
      const first = sign(key, scene);
      expect(judgePersonKey(first, context(scene))).toBeUndefined();
      expect(judgePersonKey(first, context(scene, { now: expires }))).toBe('key_outdated');
      const renewed = sign({ ...key, time: expires }, scene);
      expect(judgePersonKey(renewed, context(scene, { now: expires }))).toBeUndefined();
    });

    test('but a device that never approved, or was removed before, does not matter', async () => {
      const scene = new ApprovalScene();
      const plain = scene.directory.add(scene.phone, ann, 'owner');
      const pending = scene.directory.admit(ann, 'owner', { can: ['approve'] });
      const stranger = scene.directory.admit(bob, 'owner', { can: ['approve'] });
      stop(scene, 'revoke', scene.laptop.id);
      const first = sign((await newPersonKey(scene, [scene.phone])).key, scene);
      for (const { id } of [plain, pending, stranger]) stop(scene, 'revoke', id);
      expect(judgePersonKey(first, context(scene))).toBeUndefined();
    });
  });

  test('of a newer or another directory than the one that was verified', async () => {
    const scene = new ApprovalScene();
    const { key } = await newPersonKey(scene);
    const { seq, hash } = scene.state.head;
    const ahead = sign({ ...key, head: { seq: seq + 1, hash } }, scene);
    expect(judgePersonKey(ahead, context(scene))).toBe('directory_behind');
    const forked = sign({ ...key, head: { seq, hash: randomBytes() } }, scene);
    expect(judgePersonKey(forked, context(scene))).toBe('directory_forked');
    const unknown = sign({ ...key, head: { seq: 1, hash: randomBytes() } }, scene);
    expect(judgePersonKey(unknown, context(scene, { relationOf: () => 'older' }))).toBe('directory_unknown');
  });

  test('if a byte of the statement differs', async () => {
    const scene = new ApprovalScene();
    const { key } = await newPersonKey(scene);
    const signed = signPersonKey(key, scene.phone.ik);
    fc.assert(
      fc.property(fc.nat(signed.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = signed.map((byte, index) => (index === at ? byte ^ mask : byte));
        const read = readPersonKey(changed);
        expect(read === undefined || judgePersonKey(read, context(scene)) !== undefined).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect(readPersonKey(signed.subarray(0, -1))).toBeUndefined();
  });
});

test('a statement has one form only', async () => {
  const scene = new ApprovalScene();
  const { key } = await newPersonKey(scene);
  const [statement = new Uint8Array(0), signature = ''] = decodeFieldBytes(signPersonKey(key, scene.phone.ik)) ?? [];
  const fields = decodeFieldBytes(statement) ?? [];
  const reordered = encodeFieldBytes(...(decodeFieldBytes(fields[6] ?? new Uint8Array(0)) ?? []).toReversed());
  const zero = new Uint8Array(4);
  for (const [at, field] of [
    [0, 'anima:person-key:v2'],
    [2, 'short'],
    [3, zero],
    [4, new Uint8Array(32)],
    [5, new Uint8Array(8)],
    [6, reordered],
    [6, ''],
    [7, randomBytes(59)],
    [8, encodeFieldBytes(encodeFieldBytes(new Uint8Array([0, 0, 0, 1]), key.key, randomBytes(80)))],
  ] as const) {
    const other = encodeFieldBytes(...fields.map((one, index) => (index === at ? field : one)));
    expect(readPersonKey(encodeFieldBytes(other, signature)), `field ${at}`).toBeUndefined();
  }
  expect(() => signPersonKey({ ...key, wraps: [] }, scene.phone.ik)).toThrow(RangeError);
});
