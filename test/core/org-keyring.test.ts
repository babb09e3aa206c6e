import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { DecryptionError } from '../../core/decryption-error.ts';
import { deriveDek } from '../../core/encryption/root-key.ts';
import {
  addDek,
  findUsableDek,
  newOrgKeyring,
  nextDekVersion,
  parseKeyring,
  retireDeks,
  rewrapDeks,
  toKeyringRecord,
  verifyKeyring,
} from '../../core/org-keys/org-keyring.ts';

const org = '0123456789abcdef';
const time = '2026-11-21T00:00:00.000Z';
const deks = [1, 2].map((version) => deriveDek(randomBytes(32), org, version));
const [dek1, dek2] = [deks[0] ?? expect.fail(), deks[1] ?? expect.fail()];
const one = addDek(newOrgKeyring(org, time), dek1, randomBytes(150), time);
const two = addDek(one, dek2, randomBytes(150), time);

describe('keyring', () => {
  test('a new DEK becomes active, the one before drains, and the keyring before stays as it was', () => {
    const before = JSON.stringify(one);
    expect(two.deks.map((d) => d.state)).toEqual(['draining', 'active']);
    expect([two.activeVersion, two.generation, nextDekVersion(two)]).toEqual([2, 3, 3]);
    expect(JSON.stringify(one)).toBe(before);
    expect(one.deks.map((d) => d.state)).toEqual(['active']);
  });

  test('a DEK of another org or another version is not added', () => {
    expect(() => addDek(one, dek1, randomBytes(10), time)).toThrow(RangeError);
    expect(() => addDek(newOrgKeyring('fedcba9876543210', time), dek1, randomBytes(10), time)).toThrow(RangeError);
  });

  test('what is stored comes back, with or without a DEK', () => {
    for (const keyring of [newOrgKeyring(org, time), one, two]) {
      expect(parseKeyring(JSON.parse(JSON.stringify(toKeyringRecord(keyring))), org)).toEqual(keyring);
    }
    verifyKeyring(two, dek2);
    expect(findUsableDek(two, 1)?.state).toBe('draining');
    expect(findUsableDek(two, 3)).toBeUndefined();
    expect(
      findUsableDek({ ...two, deks: two.deks.map((d) => ({ ...d, state: 'retired' as const })) }, 1),
    ).toBeUndefined();
  });

  test('a retired DEK leaves its entry and nothing that could be unwrapped; the active one and what is unknown stay', () => {
    const retired = retireDeks(two, dek2, [1, 2, 9]);
    expect(retired.deks).toMatchObject([{ state: 'retired', wrapped: '' }, { state: 'active' }]);
    expect([retired.generation, nextDekVersion(retired)]).toEqual([4, 3]);
    verifyKeyring(parseKeyring(JSON.parse(JSON.stringify(toKeyringRecord(retired))), org), dek2);
    expect(() => verifyKeyring({ ...two, deks: retired.deks, generation: 4 }, dek2)).toThrow(DecryptionError);
    expect(() => retireDeks(two, dek1, [1])).toThrow(RangeError);
  });

  test('a record is refused whose retired DEK is still wrapped, or whose other DEK is not', () => {
    const record = JSON.parse(JSON.stringify(toKeyringRecord(two)));
    for (const change of [{ state: 'retired' }, { wrapped: '' }]) {
      const deks = { ...record.deks, 1: { ...record.deks[1], ...change } };
      expect(() => parseKeyring({ ...record, deks }, org)).toThrow(DecryptionError);
    }
  });

  test('DEKs wrapped anew are the same DEKs; one left out is an error', () => {
    const wrapped = new Map([1, 2].map((version) => [version, randomBytes(150)]));
    const again = rewrapDeks(two, dek2, wrapped);
    expect(again.deks.map((d) => [d.version, d.state])).toEqual(two.deks.map((d) => [d.version, d.state]));
    expect(again.deks.map((d) => d.wrapped)).toEqual([...wrapped.values()].map((bytes) => bytes.toString('base64')));
    verifyKeyring(again, dek2);
    expect(() => rewrapDeks(two, dek2, new Map())).toThrow(RangeError);
  });

  test('any single changed bit of a stored record is refused', () => {
    const text = Buffer.from(JSON.stringify(toKeyringRecord(two)));
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
        const keyring = parseKeyring(record, org);
        verifyKeyring(keyring, keyring.activeVersion === 1 ? dek1 : dek2);
        opened.push(bit);
      } catch (error) {
        expect(error).toBeInstanceOf(DecryptionError);
      }
    }
    expect(opened).toEqual([]);
  });

  test('a record of another org, an older DEK made active again, or a MAC under another DEK is refused', () => {
    expect(() => parseKeyring(toKeyringRecord(two), 'fedcba9876543210')).toThrow(DecryptionError);
    const swapped = {
      ...two,
      activeVersion: 1,
      deks: two.deks.map((d, i) => ({ ...d, state: i ? 'draining' : 'active' })),
    };
    const record = { ...swapped, deks: { 1: swapped.deks[0], 2: swapped.deks[1] } };
    expect(() => parseKeyring(record, org)).toThrow(DecryptionError);
    expect(() => verifyKeyring(two, dek1)).toThrow(DecryptionError);
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
    ]) {
      expect(() => parseKeyring({ ...record, ...change }, org), JSON.stringify(change)).toThrow(DecryptionError);
    }
    for (const odd of [null, 1, 'x', []]) expect(() => parseKeyring(odd, org)).toThrow(DecryptionError);
  });
});
