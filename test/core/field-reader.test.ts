/** Length-prefixed fields are read strictly. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFieldBytes, equalBytes, fromBase64, toBase64, u32Bytes, u64Bytes } from '../../core/encoding/bytes.ts';
import {
  decodeFieldBytes,
  decodeTextField,
  decodeU32Field,
  decodeU64Field,
  fieldOfLength,
} from '../../core/encoding/field-reader.ts';

test('fields come back, and nothing but whole fields is read', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1 }), fc.nat(), (fields, cut) => {
      const encoded = encodeFieldBytes(...fields);
      expect(decodeFieldBytes(encoded)).toEqual(fields.map((field) => new Uint8Array(field)));
      const shortened = encoded.subarray(0, cut % encoded.length);
      const read = decodeFieldBytes(shortened);
      if (read !== undefined) expect(equalBytes(encodeFieldBytes(...read), shortened)).toBe(true);
      expect(decodeFieldBytes(Uint8Array.of(...encoded, 0))).toBeUndefined();
      expect(decodeFieldBytes(Uint8Array.of(...encoded, 0, 0, 0, 1))).toBeUndefined();
    }),
  );
  expect(decodeFieldBytes(new Uint8Array(0))).toEqual([]);
  expect(decodeFieldBytes(Uint8Array.of(255, 255, 255, 255))).toBeUndefined();
});

test('numbers have their length, and are at most 2^53 − 1', () => {
  expect(decodeU64Field(u64Bytes(Number.MAX_SAFE_INTEGER))).toBe(Number.MAX_SAFE_INTEGER);
  expect(decodeU64Field(Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0))).toBeUndefined();
  expect(decodeU64Field(new Uint8Array(8).fill(255))).toBeUndefined();
  expect(decodeU32Field(u32Bytes(0xffff_ffff))).toBe(0xffff_ffff);
  for (const length of [0, 3, 5, 7, 9]) {
    expect([decodeU32Field(new Uint8Array(length)), decodeU64Field(new Uint8Array(length))]).toEqual([
      undefined,
      undefined,
    ]);
  }
});

test('text is valid UTF-8, and keeps a byte-order mark', () => {
  expect(decodeTextField(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa');
  for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
    expect(decodeTextField(Uint8Array.from(bad))).toBeUndefined();
  }
  expect(decodeTextField(undefined)).toBeUndefined();
});

test('a field of fixed length is a copy', () => {
  const source = Uint8Array.of(1, 2);
  const copy = fieldOfLength(source, 2);
  source.fill(0);
  expect(copy).toEqual(Uint8Array.of(1, 2));
  expect(fieldOfLength(source, 3)).toBeUndefined();
});

test('base64 comes back, and has one spelling', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
      expect(fromBase64(toBase64(bytes))).toEqual(new Uint8Array(bytes));
    }),
  );
  for (const bad of ['A', 'AA', 'AA=', 'AB==', 'AA===', 'A A=', '_-8=', 'AAA=A'])
    expect(fromBase64(bad)).toBeUndefined();
});
