/** Each stored or presented value has one spelling: characters that a decoder maps to others are refused. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseApiKey } from '../../core/api-keys/api-key.ts';
import { parseFragmentKey, parseLinkId } from '../../core/blobs/share-link.ts';
import { DecryptionError } from '../../core/decryption-error.ts';
import { fromBase64Url } from '../../core/encoding/bytes.ts';
import { isOpaqueId } from '../../core/encoding/random-id.ts';
import { decodeStrictBase64 } from '../../core/encoding/strict-base64.ts';
import { isTimeId } from '../../core/encoding/time-ordered-id.ts';
import { parseDekVersion } from '../../core/encryption/sealed-string.ts';
import { addDek, newOrgKeyring, parseKeyring, toKeyringRecord } from '../../core/org-keys/org-keyring.ts';
import { createLinkCode, parseLinkCode } from '../../core/users/confirmation-codes.ts';
import { parseSessionToken } from '../../core/users/session-token.ts';
import { authenticationKeyOf } from '../records/in-memory-records.ts';

/** The text with one character replaced by one whose low byte is the same: U+0141 for `A`. */
const withHighByte = (text: string, at: number, high: number): string =>
  text.slice(0, at) + String.fromCharCode((high << 8) | text.charCodeAt(at)) + text.slice(at + 1);

const texts = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(), fc.integer({ min: 1, max: 0xff }))
  .map(([bytes, at, high]) => ({ bytes: Buffer.from(bytes), at, high }));

describe('base64', () => {
  test('is refused with a character above U+00FF, at any place and with any high byte', () => {
    fc.assert(
      fc.property(texts, ({ bytes, at, high }) => {
        const text = bytes.toString('base64');
        expect(decodeStrictBase64(text)).toEqual(bytes);
        expect(decodeStrictBase64(withHighByte(text, at % text.length, high))).toBeUndefined();
        const url = bytes.toString('base64url');
        expect(fromBase64Url(url)).toEqual(new Uint8Array(bytes));
        expect(fromBase64Url(withHighByte(url, at % url.length, high))).toBeUndefined();
      }),
    );
  });

  test('is refused with a character from U+0080 to U+00FF', () => {
    for (let code = 0x80; code <= 0xff; code++) {
      expect(decodeStrictBase64(`AAA${String.fromCharCode(code)}`)).toBeUndefined();
      expect(decodeStrictBase64(`AAAA${String.fromCharCode(code)}`)).toBeUndefined();
    }
  });

  test('in the header of a sealed string names a DEK in one spelling only', () => {
    const header = Buffer.concat([Buffer.from([1, 0, 0, 0, 7]), randomBytes(16)]).toString('base64');
    expect(parseDekVersion(`enc:v1:${header}`)).toBe(7);
    for (const odd of [
      withHighByte(header, 0, 1),
      withHighByte(header, 6, 0x21),
      `-${header.slice(1)}`,
      ` ${header}`,
    ]) {
      expect(() => parseDekVersion(`enc:v1:${odd}`)).toThrow(DecryptionError);
    }
  });
});

describe('a link code', () => {
  test('is read in either case of ASCII letters, and not with letters that only lower-case to them', () => {
    const code = 'abck-efgh-jkmn';
    expect(parseLinkCode(code)).toBe('abckefghjkmn');
    expect(parseLinkCode(code.toUpperCase())).toBe('abckefghjkmn');
    // U+212A, the Kelvin sign, has the lower case k.
    expect(parseLinkCode(code.replaceAll('k', '\u212a'))).toBeUndefined();
    const shown = createLinkCode(randomBytes(12));
    for (let at = 0; at < shown.length; at++) {
      expect(parseLinkCode(withHighByte(shown, at, 1))).toBeUndefined();
      if (shown[at] !== '-') expect(parseLinkCode(withHighByte(shown, at, 0xff))).toBeUndefined();
    }
  });
});

test('ids, keys, links and tokens are refused with digits and letters of other scripts', () => {
  const id = '0123456789abcdef';
  expect(isOpaqueId(id)).toBe(true);
  // Arabic-Indic and fullwidth digits, the Kelvin sign, the long s, and a high byte.
  for (const odd of ['٠', '０', '\u212a', 'ſ', '\u0130', '\u0161']) {
    expect(isOpaqueId(odd + id.slice(1))).toBe(false);
    expect(isTimeId(`${odd}1m7xpe6000123456789abcdef`)).toBe(false);
    expect(parseLinkId(`${odd}${id.slice(1)}01m7xpe6000123456789abcdef${id}`)).toBeUndefined();
    expect(parseFragmentKey(`#${odd}${'A'.repeat(42)}`)).toBeUndefined();
    expect(parseSessionToken(`${id}.${id}.${odd}${id.slice(1)}.${'A'.repeat(43)}`)).toBeUndefined();
    expect(parseApiKey(`anm_${odd}${id.slice(1)}_${id}_${'0'.repeat(49)}`)).toBeUndefined();
  }
});

test('versions of DEKs are decimal numbers', () => {
  const key = authenticationKeyOf('0123456789abcdef');
  const time = '2026-01-01T00:00:00.000Z';
  const record = toKeyringRecord(addDek(key, newOrgKeyring(key, time), Buffer.from('wrapped'), time));
  const { 1: dek } = record.deks as Record<string, unknown>;
  expect(parseKeyring(key, record).activeVersion).toBe(1);
  for (const version of ['1e+21', 'Infinity', 'NaN', '-1', '0', '1.5', '1.0', '1e0', '0x1', '01', ' 1', '١']) {
    expect(() => parseKeyring(key, { ...record, deks: { [version]: dek } })).toThrow(DecryptionError);
  }
});
