import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { DecryptionError } from '../../core/decryption-error.ts';
import { deriveDek } from '../../core/encryption/root-key.ts';
import {
  addDek,
  type Keyring,
  newOrgKeyring,
  parseKeyring,
  retireDeks,
  toKeyringRecord,
  verifyKeyring,
} from '../../core/org-keys/org-keyring.ts';
import {
  addTombstoneReceipt,
  createTombstone,
  parseKeyringOrTombstone,
  toStoredRecord,
} from '../../core/shredding/keyring-tombstone.ts';

const org = '0123456789abcdef';
const time = '2026-11-21T00:00:00.000Z';
const request = { requestedAt: time, by: 'ghjkmnpqrstvwxyz', shreddedAt: time };
const wrapped = randomBytes(150);
const dek1 = deriveDek(randomBytes(32), org, 1);
const dek2 = deriveDek(randomBytes(32), org, 2);
const two = addDek(addDek(newOrgKeyring(org, time), dek1, wrapped, time), dek2, randomBytes(150), time);
const tombstone = createTombstone(two, request);

const stored = (of: Parameters<typeof toStoredRecord>[0]): Record<string, unknown> =>
  JSON.parse(JSON.stringify(toStoredRecord(of)));

describe('a tombstone', () => {
  test('holds no DEK, wrapped or not, and goes on from the generation of its keyring', () => {
    const text = JSON.stringify(stored(tombstone));
    for (const { wrapped: blob } of two.deks) expect(text).not.toContain(blob);
    expect(stored(tombstone)).toMatchObject({ state: 'shredded', generation: 4, activeVersion: 0, deks: {} });
    expect(tombstone.destroyed.map(({ version, state }) => [version, state])).toEqual([
      [1, 'draining'],
      [2, 'active'],
    ]);
  });

  test('counts what rotation had destroyed before, and does not claim it', () => {
    const after = createTombstone(retireDeks(two, dek2, [1]), request);
    expect(after).toMatchObject({ retired: 1, destroyed: [{ version: 2 }] });
  });

  test('comes back as it was stored, with receipts too', () => {
    const receipt = { jws: 'a.b.c', final: true, unusableSince: time };
    for (const one of [tombstone, addTombstoneReceipt(tombstone, receipt)])
      expect(parseKeyringOrTombstone(stored(one), org)).toEqual(one);
  });

  test('is never taken for a keyring', () => {
    expect(() => parseKeyring(stored(tombstone), org)).toThrow(DecryptionError);
    expect(() => parseKeyring({ ...stored(tombstone), state: 'active' }, org)).not.toThrow();
    // If the tombstone is changed to an active record, it is an org without keys, with which nothing can be decrypted.
    expect(parseKeyring({ ...stored(tombstone), state: 'active' }, org)).toMatchObject({ activeVersion: 0, deks: [] });
  });

  test.each([
    ['of another org', { org: 'fedcba9876543210' }],
    ['with a DEK', { deks: { 1: two.deks[0] } }],
    ['with an active version', { activeVersion: 1 }],
    ['without a time', { shreddedAt: undefined }],
    ['with receipts that are no texts', { receipts: [1] }],
    ['with odd generations', { generation: -1 }],
    ['with something else as what was destroyed', { destroyed: [{ version: 1 }] }],
    ['not saying whether it is final', { final: 'yes' }],
  ])('%s is refused', (_, change) => {
    expect(() => parseKeyringOrTombstone({ ...stored(tombstone), ...change }, org)).toThrow(DecryptionError);
  });
});

test('a lock is outside the MAC, so that it can be set without a key, and it has its form or is refused', () => {
  const lock = { shredAt: time, requestedAt: time, by: 'ghjkmnpqrstvwxyz' };
  const locked: Keyring = { ...two, lock };
  const parsed = parseKeyring(JSON.parse(JSON.stringify(toKeyringRecord(locked))), org);
  expect(parsed).toEqual(locked);
  verifyKeyring(parsed, dek2);
  for (const odd of [true, {}, { ...lock, by: 1 }, null]) {
    expect(() => parseKeyring({ ...toKeyringRecord(two), lock: odd }, org)).toThrow(DecryptionError);
  }
});
