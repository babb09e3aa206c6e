import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { DecryptionError } from '../../core/decryption-error.ts';
import {
  addDek,
  findUsableDek,
  type Keyring,
  lockKeyring,
  newOrgKeyring,
  nextDekVersion,
  parseKeyring,
  retireDeks,
  rewrapDeks,
  toKeyringRecord,
  unlockKeyring,
} from '../../core/org-keys/org-keyring.ts';
import { importAuthenticationKey } from '../../core/records/authentication-key.ts';

const org = '0123456789abcdef';
const time = '2026-11-21T00:00:00.000Z';
const later = '2026-11-22T00:00:00.000Z';
const secret = randomBytes(32);
const key = importAuthenticationKey(Buffer.from(secret), org);
const empty = newOrgKeyring(key, time);
const one = addDek(key, empty, randomBytes(150), time);
const two = addDek(key, one, randomBytes(150), time);
const lock = { shredAt: later, requestedAt: time, by: 'ghjkmnpqrstvwxyz' };
const locked = lockKeyring(key, two, lock);

/** The record of a keyring as a table returns it. */
const recordOf = (keyring: Keyring) => JSON.parse(JSON.stringify(toKeyringRecord(keyring)));

describe('keyring', () => {
  test('a new DEK becomes active, the one before drains, and the keyring before stays as it was', () => {
    const before = JSON.stringify(one);
    expect(two.deks.map((d) => d.state)).toEqual(['draining', 'active']);
    expect([two.activeVersion, two.generation, nextDekVersion(two)]).toEqual([2, 3, 3]);
    expect(JSON.stringify(one)).toBe(before);
    expect(one.deks.map((d) => d.state)).toEqual(['active']);
  });

  test('is not changed with the authentication key of another org', () => {
    const other = importAuthenticationKey(randomBytes(32), 'fedcba9876543210');
    expect(() => addDek(other, one, randomBytes(10), time)).toThrow(RangeError);
    expect(() => retireDeks(other, two, [1])).toThrow(RangeError);
    expect(() => rewrapDeks(other, one, new Map([[1, randomBytes(10)]]))).toThrow(RangeError);
    expect(() => lockKeyring(other, one, lock)).toThrow(RangeError);
    expect(() => unlockKeyring(other, locked)).toThrow(RangeError);
  });

  test('a lock and its removal are each the next generation, with the same DEKs', () => {
    const unlocked = unlockKeyring(key, locked);
    expect([locked.generation, unlocked.generation]).toEqual([4, 5]);
    expect(locked.lock).toEqual(lock);
    expect(unlocked).not.toHaveProperty('lock');
    expect([locked.deks, unlocked.deks]).toEqual([two.deks, two.deks]);
    for (const keyring of [locked, unlocked]) expect(parseKeyring(key, recordOf(keyring))).toEqual(keyring);
  });

  test('what is stored comes back, with or without a DEK', () => {
    for (const keyring of [empty, one, two, locked]) expect(parseKeyring(key, recordOf(keyring))).toEqual(keyring);
    expect(findUsableDek(two, 1)?.state).toBe('draining');
    expect(findUsableDek(two, 3)).toBeUndefined();
    expect(
      findUsableDek({ ...two, deks: two.deks.map((d) => ({ ...d, state: 'retired' as const })) }, 1),
    ).toBeUndefined();
  });

  test('a retired DEK leaves its entry and nothing that could be unwrapped; the active one and what is unknown stay', () => {
    const retired = retireDeks(key, two, [1, 2, 9]);
    expect(retired.deks).toMatchObject([{ state: 'retired', wrapped: '' }, { state: 'active' }]);
    expect([retired.generation, nextDekVersion(retired)]).toEqual([4, 3]);
    expect(parseKeyring(key, recordOf(retired))).toEqual(retired);
    // The MAC of the keyring before does not fit.
    const forged = recordOf({ ...two, deks: retired.deks, generation: 4 });
    expect(() => parseKeyring(key, forged)).toThrow(DecryptionError);
  });

  test('a record is refused whose retired DEK is still wrapped, or whose other DEK is not', () => {
    const record = recordOf(two);
    for (const change of [{ state: 'retired' }, { wrapped: '' }]) {
      const deks = { ...record.deks, 1: { ...record.deks[1], ...change } };
      expect(() => parseKeyring(key, { ...record, deks })).toThrow(DecryptionError);
    }
  });

  test('DEKs wrapped anew are the same DEKs; one left out is an error', () => {
    const wrapped = new Map([1, 2].map((version) => [version, randomBytes(150)]));
    const again = rewrapDeks(key, two, wrapped);
    expect(again.deks.map((d) => [d.version, d.state])).toEqual(two.deks.map((d) => [d.version, d.state]));
    expect(again.deks.map((d) => d.wrapped)).toEqual([...wrapped.values()].map((bytes) => bytes.toString('base64')));
    expect(parseKeyring(key, recordOf(again))).toEqual(again);
    expect(() => rewrapDeks(key, two, new Map())).toThrow(RangeError);
  });

  test.each([
    ['without a DEK', empty],
    ['with two DEKs', two],
    ['that is locked', locked],
  ])('any single changed bit of a stored record %s is refused', (_, keyring) => {
    const text = Buffer.from(JSON.stringify(toKeyringRecord(keyring)));
    expect(parseKeyring(key, JSON.parse(text.toString()))).toEqual(keyring);
    const opened: number[] = [];
    for (let bit = 0; bit < text.length * 8; bit++) {
      const changed = Buffer.from(text);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      let record: unknown;
      try {
        record = JSON.parse(changed.toString());
      } catch {
        continue; // The record is not valid JSON any more.
      }
      // An equivalent record (a number written as 2 or 2.0) is not a change.
      if (JSON.stringify(record) === text.toString()) continue;
      try {
        parseKeyring(key, record);
        opened.push(bit);
      } catch (error) {
        expect(error).toBeInstanceOf(DecryptionError);
      }
    }
    expect(opened).toEqual([]);
  });

  const forged = (change: object) => ({ ...recordOf(two), ...change });
  const forgedDek = (version: number, change: object) => {
    const { deks } = recordOf(two);
    return forged({ deks: { ...deks, [version]: { ...deks[version], ...change } } });
  };
  const { lock: _, ...withoutLock } = recordOf(locked);
  const { mac: __, ...withoutMac } = recordOf(two);
  test.each<[string, object]>([
    ['of another org', forged({ org: 'fedcba9876543210' })],
    ['with another creation time', forged({ createdAt: later })],
    ['of a higher generation', forged({ generation: 4 })],
    ['of a lower generation', forged({ generation: 2 })],
    ['with another wrapped DEK', forgedDek(2, { wrapped: randomBytes(150).toString('base64') })],
    ['with the wrapped DEK of another version', forgedDek(2, { wrapped: one.deks[0]?.wrapped })],
    ['with another time of a DEK', forgedDek(1, { createdAt: later })],
    ['with a retired DEK that drained', forgedDek(1, { state: 'retired', wrapped: '' })],
    ['without its newest DEK', forged({ activeVersion: 1, deks: recordOf(one).deks })],
    [
      'with an older DEK made active again',
      forged({
        activeVersion: 1,
        deks: { 1: { ...recordOf(two).deks[1], state: 'active' }, 2: { ...recordOf(two).deks[2], state: 'draining' } },
      }),
    ],
    ['of generation 1 without DEKs', { ...recordOf(empty), generation: 1, mac: two.mac }],
    ['without DEKs, and otherwise as it was', forged({ activeVersion: 0, deks: {} })],
    ['with a lock that the vault did not set', forged({ lock })],
    ['whose lock was removed', withoutLock],
    ['whose lock was removed, with the MAC of the keyring before', { ...withoutLock, mac: two.mac }],
    ['whose lock ends later', { ...recordOf(locked), lock: { ...lock, shredAt: '2027-11-22T00:00:00.000Z' } }],
    ['whose lock was requested at another time', { ...recordOf(locked), lock: { ...lock, requestedAt: later } }],
    ['whose lock names another key', { ...recordOf(locked), lock: { ...lock, by: 'zzzzzzzzzzzzzzzz' } }],
    ['without a MAC', withoutMac],
    ['with an empty MAC', forged({ mac: '' })],
    ['with half a MAC', forged({ mac: Buffer.from(two.mac, 'base64').subarray(0, 16).toString('base64') })],
    ['with the MAC of another generation', forged({ mac: one.mac })],
  ])('a record %s is refused', (_, record) => {
    expect(() => parseKeyring(key, record)).toThrow(DecryptionError);
  });

  test('a record with the MAC of another org, or of the same org under another records key, is refused', () => {
    const other = importAuthenticationKey(Buffer.from(secret), 'fedcba9876543210');
    const theirs = newOrgKeyring(other, time);
    expect(parseKeyring(other, recordOf(theirs))).toEqual(theirs);
    expect(() => parseKeyring(key, recordOf(theirs))).toThrow(DecryptionError);
    expect(() => parseKeyring(key, { ...recordOf(theirs), org })).toThrow(DecryptionError);
    expect(() => parseKeyring(other, recordOf(two))).toThrow(DecryptionError);
    const foreign = importAuthenticationKey(randomBytes(32), org);
    expect(() => parseKeyring(foreign, recordOf(two))).toThrow(DecryptionError);
    expect(() => parseKeyring(key, recordOf(newOrgKeyring(foreign, time)))).toThrow(DecryptionError);
  });

  test('records that contradict themselves are refused', () => {
    const record = toKeyringRecord(two);
    const first = { wrapped: 'AAAA', state: 'active', createdAt: time };
    for (const change of [
      { activeVersion: 0 },
      { activeVersion: 3 },
      { generation: 0 },
      { generation: '3' },
      { state: 'locked' },
      { mac: undefined },
      { deks: [] },
      { deks: null },
      { deks: { '01': first }, activeVersion: 1 },
      { deks: { 2: first } },
      { deks: { 1: first, 2: first } },
      { deks: { 1: { ...first, wrapped: 'A' } }, activeVersion: 1 },
      { deks: { 1: { ...first, state: 'other' } }, activeVersion: 1 },
      { lock: true },
      { lock: {} },
      { lock: null },
      { lock: { ...lock, by: 1 } },
    ]) {
      expect(() => parseKeyring(key, { ...record, ...change }), JSON.stringify(change)).toThrow(DecryptionError);
    }
    for (const odd of [null, 1, 'x', []]) expect(() => parseKeyring(key, odd)).toThrow(DecryptionError);
  });
});
