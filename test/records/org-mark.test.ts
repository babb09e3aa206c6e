import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecryptionError } from '../../core/decryption-error.ts';
import { decodeOrgMark, encodeOrgMark, endKeyInMark, newOrgMark, raiseOrgMark } from '../../core/records/org-mark.ts';
import { authenticationKeyOf } from './in-memory-records.ts';

const org = '0123456789abcdef';
const key = authenticationKeyOf(org);
const lock = { shredAt: '2026-12-08T00:00:00.000Z', requestedAt: '2026-12-01T00:00:00.000Z', by: 'ghjkmnpqrstvwxyz' };
const earlier = '2026-11-01T00:00:00.000Z';
const later = '2026-11-02T00:00:00.000Z';

describe('the mark of an org', () => {
  test('its generation only rises', () => {
    const mark = raiseOrgMark(newOrgMark(org), { generation: 5, state: 'active' });
    expect(mark.generation).toBe(5);
    expect(raiseOrgMark(mark, { generation: 4, state: 'active', lock })).toBe(mark);
    expect(raiseOrgMark(mark, { generation: 5, state: 'shredded' })).toBe(mark);
  });

  test('a shredded org stays shredded, whatever keyring comes', () => {
    const mark = raiseOrgMark(newOrgMark(org), { generation: 5, state: 'shredded', issued: 0 });
    expect(raiseOrgMark(mark, { generation: 9, state: 'active' })).toBe(mark);
    expect(raiseOrgMark(mark, { generation: 6, state: 'shredded', issued: 1 })).toMatchObject({ issued: 1 });
  });

  test('it has the lock of its generation, and none after the lock is removed', () => {
    const locked = raiseOrgMark(newOrgMark(org), { generation: 2, state: 'active', lock });
    expect(locked.lock).toEqual(lock);
    expect(raiseOrgMark(locked, { generation: 3, state: 'active' })).not.toHaveProperty('lock');
  });

  test('the end of an API key never moves to a later time', () => {
    const mark = endKeyInMark(newOrgMark(org), 'a', later);
    expect(endKeyInMark(mark, 'a', '2026-12-24T00:00:00.000Z')).toBe(mark);
    expect(endKeyInMark(mark, 'a', earlier).ended).toEqual({ a: earlier });
    expect(endKeyInMark(mark, 'b', earlier).ended).toEqual({ a: later, b: earlier });
  });

  test('the id of a key can have any name, also one of an object', () => {
    const mark = endKeyInMark(newOrgMark(org), 'constructor', later);
    expect(decodeOrgMark(key, encodeOrgMark(key, mark))).toEqual(mark);
  });

  test('it is read back as it was written', () => {
    const mark = endKeyInMark(raiseOrgMark(newOrgMark(org), { generation: 2, state: 'active', lock }), 'a', later);
    expect(decodeOrgMark(key, encodeOrgMark(key, mark))).toEqual(mark);
  });

  test('a mark of another org, with another key or without a MAC is refused', () => {
    const text = encodeOrgMark(key, newOrgMark(org));
    const other = authenticationKeyOf('fedcba9876543210');
    expect(() => decodeOrgMark(other, text)).toThrow(DecryptionError);
    expect(() => decodeOrgMark(key, encodeOrgMark(other, newOrgMark(other.org)))).toThrow(DecryptionError);
    const { mac: _, ...unsigned } = JSON.parse(text);
    expect(() => decodeOrgMark(key, JSON.stringify(unsigned))).toThrow(DecryptionError);
    for (const malformed of ['', '[]', 'null', '{', '"mark"']) {
      expect(() => decodeOrgMark(key, malformed)).toThrow(DecryptionError);
    }
  });

  test('any changed character is refused', () => {
    const text = encodeOrgMark(key, endKeyInMark(newOrgMark(org), 'a', later));
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.integer({ min: 1, max: 94 }), (at, shift) => {
        const code = 32 + ((text.charCodeAt(at) - 32 + shift) % 95);
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
        expect(() => decodeOrgMark(key, changed)).toThrow(DecryptionError);
      }),
    );
  });
});
