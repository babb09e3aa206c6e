import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { DecryptionError } from '../../core/decryption-error.ts';
import { addDek, newOrgKeyring, parseKeyring, retireDeks } from '../../core/org-keys/org-keyring.ts';
import { importAuthenticationKey } from '../../core/records/authentication-key.ts';
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
const key = importAuthenticationKey(randomBytes(32), org);
const two = addDek(key, addDek(key, newOrgKeyring(key, time), wrapped, time), randomBytes(150), time);
const tombstone = createTombstone(key, two, request);
const receipt = { jws: 'a.b.c', final: true, unusableSince: time };
const withReceipt = addTombstoneReceipt(key, tombstone, receipt);

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
    const after = createTombstone(key, retireDeks(key, two, [1]), request);
    expect(after).toMatchObject({ retired: 1, destroyed: [{ version: 2 }] });
  });

  test('goes on from the generation of the mark if that is higher than that of its keyring', () => {
    expect(createTombstone(key, two, request, 2).generation).toBe(4);
    expect(createTombstone(key, two, request, 9).generation).toBe(10);
  });

  test('comes back as it was stored, with receipts too', () => {
    for (const one of [tombstone, withReceipt]) expect(parseKeyringOrTombstone(key, stored(one))).toEqual(one);
    expect(withReceipt).toMatchObject({ generation: 5, issued: 1, receipts: ['a.b.c'], final: true });
  });

  test('is never taken for a keyring, also not if it is edited back to an active record', () => {
    expect(() => parseKeyring(key, stored(tombstone))).toThrow(DecryptionError);
    const { deks, activeVersion } = stored(two);
    for (const edited of [
      { ...stored(tombstone), state: 'active' },
      { ...stored(tombstone), state: 'active', deks, activeVersion },
      { ...stored(two), generation: tombstone.generation, mac: tombstone.mac },
    ]) {
      expect(() => parseKeyring(key, edited)).toThrow(DecryptionError);
      expect(() => parseKeyringOrTombstone(key, edited)).toThrow(DecryptionError);
    }
  });

  test('of another org is refused, also under the name of this one', () => {
    const other = importAuthenticationKey(randomBytes(32), 'fedcba9876543210');
    const theirs = createTombstone(other, newOrgKeyring(other, time), request);
    expect(parseKeyringOrTombstone(other, stored(theirs))).toEqual(theirs);
    expect(() => parseKeyringOrTombstone(key, stored(theirs))).toThrow(DecryptionError);
    expect(() => parseKeyringOrTombstone(key, { ...stored(theirs), org })).toThrow(DecryptionError);
  });

  const later = '2026-11-22T00:00:00.000Z';
  test.each<[string, object]>([
    ['createdAt', { createdAt: later }],
    ['generation', { generation: 6 }],
    ['requestedAt', { requestedAt: later }],
    ['shreddedAt', { shreddedAt: later }],
    ['by', { by: 'zzzzzzzzzzzzzzzz' }],
    ['destroyed', { destroyed: tombstone.destroyed.slice(1) }],
    ['a hash in destroyed', { destroyed: tombstone.destroyed.map((dek) => ({ ...dek, wrappedHash: 'A' })) }],
    ['retired', { retired: 1 }],
    ['unusableSince', { unusableSince: later }],
    ['no unusableSince', { unusableSince: undefined }],
    ['issued', { issued: 0 }],
    ['receipts', { receipts: ['d.e.f'] }],
    ['no receipt', { receipts: [] }],
    ['final', { final: false }],
    ['another MAC', { mac: tombstone.mac }],
    ['no MAC', { mac: undefined }],
    ['the MAC of its keyring', { mac: two.mac }],
  ])('with a changed field is refused: %s', (_, change) => {
    expect(() => parseKeyringOrTombstone(key, { ...stored(withReceipt), ...change })).toThrow(DecryptionError);
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
    expect(() => parseKeyringOrTombstone(key, { ...stored(tombstone), ...change })).toThrow(DecryptionError);
  });
});
