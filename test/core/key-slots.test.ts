import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecryptionError } from '../../core/decryption-error.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import {
  credentialLocator,
  newSlotSalt,
  type Slot,
  type SlotKind,
  type SlotMetadata,
  slotKinds,
  slotSaltLength,
  unwrapUmk,
  wrapUmk,
} from '../../core/users/key-slot.ts';
import { defaultArgon2idParams, stretchPassword, verifierOf } from '../../core/users/password-slot.ts';
import {
  createUserTombstone,
  maxSlots,
  newUserKeyring,
  parseUserKeyringRecord,
  toUserKeyringRecord,
  type UserKeyring,
  verifyUserKeyring,
  withChangedSlots,
} from '../../core/users/user-keyring.ts';
import { deriveUmk, newUmk, type UserRef } from '../../core/users/user-root-key.ts';

const time = '2026-11-21T00:00:00.000Z';
const params = { ...defaultArgon2idParams, verifier: Buffer.alloc(32, 7).toString('base64') };

const id = fc.stringMatching(/^[0-9a-z]{16}$/);
const owners: fc.Arbitrary<UserRef> = fc.record({ org: id, user: id });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const kinds = fc.constantFrom<SlotKind>(...slotKinds);
const factsOf = (owner: UserRef): fc.Arbitrary<SlotMetadata> =>
  fc.record({ id, kind: kinds, locator: fc.string({ maxLength: 43 }), seed: bytes(slotSaltLength) }).map(
    ({ seed, ...rest }): SlotMetadata => ({
      ...rest,
      salt: rest.kind === 'credential' ? newSlotSalt(owner, 'credential') : Buffer.from(seed).toString('base64'),
      createdAt: time,
      ...(rest.kind === 'password' ? { params } : {}),
      ...(rest.kind === 'session' || rest.kind === 'link' ? { expiresAt: '2026-11-28T00:00:00.000Z' } : {}),
    }),
  );
const wrappings = owners.chain((owner) =>
  fc.record({ owner: fc.constant(owner), facts: factsOf(owner), umk: bytes(32), secret: bytes(32) }),
);

/** All slots that differ from the given one in one field. */
const changesOf = (slot: Slot): Slot[] => [
  { ...slot, id: slot.id === 'z'.repeat(16) ? '0'.repeat(16) : 'z'.repeat(16) },
  ...slotKinds.filter((kind) => kind !== slot.kind).map((kind) => ({ ...slot, kind })),
  { ...slot, locator: `${slot.locator}x` },
  { ...slot, salt: Buffer.alloc(slotSaltLength, 1).toString('base64') },
  { ...slot, params: { ...params, memory: 8 } },
  { ...slot, createdAt: '2026-11-21T00:00:00.001Z' },
  { ...slot, expiresAt: '2099-01-01T00:00:00.000Z' },
  ...[0, 12, 44, 59].map((at) => {
    const wrapped = Buffer.from(slot.wrapped, 'base64');
    wrapped[at] = (wrapped[at] ?? 0) ^ 1;
    return { ...slot, wrapped: wrapped.toString('base64') };
  }),
  { ...slot, wrapped: Buffer.from(slot.wrapped, 'base64').subarray(0, 59).toString('base64') },
  { ...slot, wrapped: '' },
  { ...slot, wrapped: 'no base64' },
];

describe('a slot', () => {
  test('opens by its secret, for its user, and never the other way round', () => {
    fc.assert(
      fc.property(wrappings, owners, bytes(32), ({ owner, facts, umk, secret }, other, wrong) => {
        const slot = wrapUmk(umk, secret, owner, facts);
        expect(unwrapUmk(secret, owner, slot)).toEqual(Buffer.from(umk));
        expect(slot.wrapped).toHaveLength(80);
        const refused = [
          () => unwrapUmk(wrong, owner, slot),
          () => unwrapUmk(secret, { ...owner, user: other.user }, slot),
          () => unwrapUmk(secret, { ...owner, org: other.org }, slot),
          () => unwrapUmk(secret, { org: owner.user, user: owner.org }, slot),
        ];
        for (const open of refused) expect(open).toThrow(DecryptionError);
      }),
      { numRuns: 60 },
    );
  });

  test('opens no more when any of its fields is another', () => {
    fc.assert(
      fc.property(wrappings, ({ owner, facts, umk, secret }) => {
        const slot = wrapUmk(umk, secret, owner, facts);
        for (const changed of changesOf(slot)) {
          expect(() => unwrapUmk(secret, owner, changed), JSON.stringify(changed)).toThrow(DecryptionError);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('wraps the same UMK each time to other bytes', () => {
    const owner = { org: randomId(), user: randomId() };
    const facts: SlotMetadata = {
      id: randomId(),
      kind: 'session',
      locator: '',
      salt: newSlotSalt(owner, 'session'),
      createdAt: time,
    };
    const [umk, secret] = [newUmk(), randomBytes(32)];
    const wrapped = new Set(Array.from({ length: 50 }, () => wrapUmk(umk, secret, owner, facts).wrapped));
    expect(wrapped.size).toBe(50);
    expect(() => wrapUmk(umk.subarray(1), secret, owner, facts)).toThrow(RangeError);
  });

  test("of a user key has a locator that is the key's and the user's alone", () => {
    fc.assert(
      fc.property(owners, owners, bytes(60), bytes(60), (owner, other, key, second) => {
        const locator = credentialLocator(key, owner);
        expect(locator).toMatch(/^[A-Za-z0-9_-]{22}$/);
        expect(credentialLocator(second, owner)).not.toBe(locator);
        expect(credentialLocator(key, { ...owner, user: other.user })).not.toBe(locator);
        expect(credentialLocator(key, { ...owner, org: other.org })).not.toBe(locator);
      }),
      { numRuns: 30 },
    );
  });
});

describe('a password', () => {
  const owner = { org: 'a'.repeat(16), user: 'b'.repeat(16) };
  const salt = Buffer.alloc(32, 3).toString('base64');
  const cheap = { memory: 8, passes: 1, lanes: 1 };

  test('is one whether its letters are composed or not, and another for any other', async () => {
    const [composed, apart, other] = await Promise.all(
      ['pässword ﬁ', 'pa\u0308ssword fi', 'passwort fi'].map((text) => stretchPassword(text, { salt }, cheap)),
    );
    expect(apart).toEqual(composed);
    expect(other).not.toEqual(composed);
  });

  test('gives other bytes with another salt or cost', async () => {
    const one = await stretchPassword('password', { salt }, cheap);
    expect(await stretchPassword('password', { salt }, { ...cheap, passes: 2 })).not.toEqual(one);
    expect(await stretchPassword('password', { salt }, { ...cheap, memory: 16 })).not.toEqual(one);
    expect(await stretchPassword('password', { salt: newSlotSalt(owner, 'password') }, cheap)).not.toEqual(one);
  });

  test('has a verifier from which its KEK does not follow, bound to user and slot', async () => {
    const stretched = await stretchPassword('password', { salt }, cheap);
    const slot = { id: 'c'.repeat(16), salt };
    const verifier = verifierOf(stretched, owner, slot);
    expect(verifierOf(stretched, owner, slot)).toBe(verifier);
    expect(verifierOf(stretched, { ...owner, user: owner.org }, slot)).not.toBe(verifier);
    expect(verifierOf(stretched, owner, { ...slot, id: 'd'.repeat(16) })).not.toBe(verifier);
    // The verifier comes from the other half of the HKDF output. Neither the verifier nor its hash opens the slot.
    const umk = newUmk();
    const facts: SlotMetadata = { ...slot, kind: 'password', locator: '', params, createdAt: time };
    const wrapped = wrapUmk(umk, stretched, owner, facts);
    const hashed = createHash('sha256').update(stretched).digest();
    for (const wrong of [Buffer.from(verifier, 'base64'), hashed]) {
      expect(() => unwrapUmk(wrong, owner, wrapped)).toThrow(DecryptionError);
    }
  });
});

/** A user with one slot of each kind, and the secrets that open them. */
function newUser(owner: UserRef = { org: randomId(), user: randomId() }) {
  const root = newUmk();
  const umk = deriveUmk(Buffer.from(root), owner);
  const secrets = slotKinds.map(() => randomBytes(32));
  const slots = slotKinds.map((kind, index) =>
    wrapUmk(root, secrets[index] ?? expect.fail(), owner, {
      id: randomId(),
      kind,
      locator: kind,
      salt: newSlotSalt(owner, kind),
      createdAt: time,
      ...(kind === 'password' ? { params } : {}),
      ...(kind === 'session' || kind === 'link' ? { expiresAt: '2026-11-28T00:00:00.000Z' } : {}),
    }),
  );
  return { owner, root, umk, secrets, slots, keyring: newUserKeyring(umk, slots, time) };
}

describe('a keyring of a user', () => {
  test('comes back from the table as it was, its slots in order', () => {
    const { owner, keyring, umk } = newUser();
    const again = parseUserKeyringRecord(JSON.parse(JSON.stringify(toUserKeyringRecord(keyring))), owner);
    expect(again).toEqual(keyring);
    verifyUserKeyring(keyring, umk);
    const ids = keyring.slots.map((slot) => slot.id);
    expect(ids).toEqual(ids.toSorted());
  });

  test('is refused when anything in it is another, and when a slot is put back that was removed', () => {
    const { keyring, umk, owner } = newUser();
    const [first] = keyring.slots;
    if (first === undefined) expect.fail();
    const next = withChangedSlots(keyring, umk, { remove: [first.id] });
    verifyUserKeyring(next, umk);
    expect(next.generation).toBe(2);
    const forged: UserKeyring[] = [
      { ...next, slots: keyring.slots },
      { ...keyring, generation: 2 },
      { ...keyring, createdAt: '2026-11-21T00:00:00.001Z' },
      { ...keyring, slots: keyring.slots.slice(1) },
      { ...keyring, slots: keyring.slots.toReversed() },
      { ...keyring, mac: next.mac },
      { ...keyring, mac: '' },
      ...changesOf(first).map((slot) => ({ ...keyring, slots: [slot, ...keyring.slots.slice(1)] })),
    ];
    for (const one of forged) expect(() => verifyUserKeyring(one, umk), JSON.stringify(one)).toThrow(DecryptionError);
    const stranger = deriveUmk(newUmk(), owner);
    expect(() => verifyUserKeyring(keyring, stranger)).toThrow(DecryptionError);
  });

  test('takes slots in and away without touching the others, and stays as it was itself', () => {
    fc.assert(
      fc.property(fc.subarray([0, 1, 2, 3, 4], { maxLength: 4 }), (gone) => {
        const { keyring, umk, slots, secrets, owner, root } = newUser();
        const before = JSON.stringify(keyring);
        const remove = gone.map((index) => slots[index]?.id ?? '');
        const next = withChangedSlots(keyring, umk, { remove });
        for (const slot of next.slots) {
          expect(unwrapUmk(secrets[slots.findIndex((one) => one.id === slot.id)] ?? root, owner, slot)).toEqual(root);
        }
        expect(next.slots).toHaveLength(5 - gone.length);
        expect(JSON.stringify(keyring)).toBe(before);
      }),
      { numRuns: 20 },
    );
  });

  test('has 1 to 64 slots, each id once, all of one user', () => {
    const { keyring, umk, slots } = newUser();
    const [first] = slots;
    if (first === undefined) expect.fail();
    expect(() => withChangedSlots(keyring, umk, { remove: slots.map((slot) => slot.id) })).toThrow(RangeError);
    expect(() => withChangedSlots(keyring, umk, { add: [first] })).toThrow(RangeError);
    const many = Array.from({ length: maxSlots }, () => ({ ...first, id: randomId() }));
    expect(withChangedSlots(keyring, umk, { remove: slots.map((slot) => slot.id), add: many }).slots).toHaveLength(
      maxSlots,
    );
    expect(() => withChangedSlots(keyring, umk, { add: many })).toThrow(RangeError);
    expect(() => withChangedSlots(keyring, newUser().umk, {})).toThrow(RangeError);
  });

  test('of a deleted user keeps no slot, and one generation more', () => {
    const { keyring, owner } = newUser();
    const deleted = createUserTombstone(keyring, time);
    const record = toUserKeyringRecord(deleted);
    expect(Object.keys(record).sort()).toEqual(['createdAt', 'deletedAt', 'generation', 'org', 'state', 'user']);
    expect(parseUserKeyringRecord(record, owner)).toEqual(deleted);
    expect(deleted.generation).toBe(keyring.generation + 1);
  });

  test.each<[string, (record: Record<string, unknown>) => unknown]>([
    ['of another org', (record) => ({ ...record, org: 'z'.repeat(16) })],
    ['of another user', (record) => ({ ...record, user: 'z'.repeat(16) })],
    ['of another state', (record) => ({ ...record, state: 'locked' })],
    ['without a generation', ({ generation: _, ...record }) => record],
    ['of generation 0', (record) => ({ ...record, generation: 0 })],
    ['without a MAC', ({ mac: _, ...record }) => record],
    ['without slots', (record) => ({ ...record, slots: {} })],
    ['with slots as a list', (record) => ({ ...record, slots: [] })],
    ['with an odd slot id', (record) => ({ ...record, slots: { x: Object.values(Object(record.slots))[0] } })],
    ['deleted at no time', (record) => ({ ...record, state: 'deleted' })],
    ['that is a text', () => 'x'],
    ['that is nothing', () => null],
  ])('%s is refused as stored', (_, change) => {
    const { keyring, owner } = newUser();
    expect(() => parseUserKeyringRecord(change(toUserKeyringRecord(keyring)), owner)).toThrow(DecryptionError);
  });

  test.each<[SlotKind, string, unknown]>([
    ['identity', 'kind', 'root'],
    ['identity', 'salt', 'no base64!'],
    ['identity', 'wrapped', 7],
    ['identity', 'locator', null],
    ['identity', 'createdAt', 1],
    ['identity', 'expiresAt', time],
    ['identity', 'params', params],
    ['identity', 'note', 'x'],
    ['session', 'expiresAt', 1],
    ['session', 'expiresAt', undefined],
    ['link', 'expiresAt', undefined],
    ['password', 'params', undefined],
    ['password', 'params', { ...params, memory: 65_537 }],
    ['password', 'params', { ...params, memory: 15, lanes: 2 }],
    ['password', 'params', { ...params, passes: 0 }],
    ['password', 'params', { ...params, passes: 9 }],
    ['password', 'params', { ...params, lanes: 5 }],
    ['password', 'params', { ...params, lanes: 1.5 }],
    ['password', 'params', { ...params, algorithm: 'argon2i' }],
    ['password', 'params', { ...params, verifier: 'odd!' }],
    ['password', 'params', { ...params, extra: 1 }],
    ['password', 'params', 'x'],
  ])('a slot of kind %s is refused as stored whose %s is %j', (kind, field, value) => {
    const { keyring, owner } = newUser();
    const { id = '', ...slot } = keyring.slots.find((one) => one.kind === kind) ?? {};
    const record = (fields: object) => ({ ...toUserKeyringRecord(keyring), slots: { [id]: fields } });
    expect(parseUserKeyringRecord(record(slot), owner).state).toBe('active');
    expect(() => parseUserKeyringRecord(record({ ...slot, [field]: value }), owner)).toThrow(DecryptionError);
  });
});
