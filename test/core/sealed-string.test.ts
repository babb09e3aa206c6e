import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecryptionError } from '../../core/decryption-error.ts';
import { encodeLengthPrefixedFields, u64 } from '../../core/encoding/length-prefixed-fields.ts';
import { decodeStrictBase64 } from '../../core/encoding/strict-base64.ts';
import { deriveDek } from '../../core/encryption/root-key.ts';
import {
  open,
  parseDekVersion,
  type SealContext,
  seal,
  sealedHeaderCharacters,
  sealedStringPrefix,
} from '../../core/encryption/sealed-string.ts';

const org = '0123456789abcdef';
const dek = deriveDek(randomBytes(32), org, 7);
const context: SealContext = ['vault.value', org, 'prod/stripe/key', u64(1)];
const refuses = (sealed: string, under = dek, as: SealContext = context) =>
  expect(() => open(under, as, sealed)).toThrow(DecryptionError);

describe('enc:v1', () => {
  test('every plaintext comes back from its string, byte for byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), fc.string(), (plaintext, name) => {
        const at: SealContext = ['vault.value', org, name, u64(1)];
        const sealed = seal(dek, at, plaintext);
        expect(sealed.startsWith(sealedStringPrefix)).toBe(true);
        expect(open(dek, at, sealed).equals(plaintext)).toBe(true);
      }),
    );
  });

  test('a string is as long as its format says, and names its DEK version', () => {
    for (const length of [0, 1, 2, 3, 65_536]) {
      const sealed = seal(dek, context, new Uint8Array(length));
      expect(sealed.length).toBe(sealedStringPrefix.length + 4 * Math.ceil((61 + length) / 3));
      expect(parseDekVersion(sealed)).toBe(7);
    }
  });

  test('no two strings share a nonce, and all of one DEK share their first 35 characters', () => {
    const sealed = Array.from({ length: 2000 }, () => seal(dek, context, new Uint8Array(5)));
    expect(new Set(sealed.map((s) => s.slice(sealedHeaderCharacters, sealedHeaderCharacters + 32))).size).toBe(2000);
    expect(new Set(sealed.map((s) => s.slice(0, sealedHeaderCharacters))).size).toBe(1);
  });

  test('a writer renews its nonce prefix after 65 536 strings', () => {
    const own = deriveDek(randomBytes(32), org, 1);
    const prefixOf = (s: string) => s.slice(sealedHeaderCharacters, sealedHeaderCharacters + 16);
    const first = prefixOf(seal(own, context, new Uint8Array(1)));
    for (let i = 1; i < 65_536; i++) seal(own, context, new Uint8Array(1));
    const later = seal(own, context, new Uint8Array(1));
    expect(prefixOf(later)).not.toBe(first);
    expect(open(own, context, later).length).toBe(1);
  });

  test('values of more writers than derived keys are kept for all open', () => {
    const secret = randomBytes(32);
    const reader = deriveDek(Buffer.from(secret), org, 7);
    for (let writer = 0; writer < 300; writer++) {
      const sealed = seal(deriveDek(Buffer.from(secret), org, 7), context, Buffer.from([writer & 255]));
      expect(open(reader, context, sealed)[0]).toBe(writer & 255);
    }
  });

  test('any single changed bit of a string is refused', () => {
    const sealed = Buffer.from(seal(dek, context, Buffer.from('sk_live_0123456789')), 'latin1');
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      refuses(changed.toString('latin1'));
    }
  });

  test('a string that was cut, extended or spelt otherwise is refused', () => {
    const sealed = seal(dek, context, Buffer.from('1234567'));
    for (let length = 0; length < sealed.length; length++) refuses(sealed.slice(0, length));
    for (const more of ['A', '=', 'AAAA', ' ', '\n']) refuses(sealed + more);
    refuses(` ${sealed}`);
    refuses(sealed.replace(/=+$/, ''));
    refuses(sealed.replaceAll('+', '-').replaceAll('/', '_').concat('-'));
    refuses(`${sealed.slice(0, 50)}\n${sealed.slice(50)}`);
  });

  test('a string moved to another purpose, org, name or version is refused', () => {
    const sealed = seal(dek, context, Buffer.from('x'));
    refuses(sealed, dek, ['vault.info', org, 'prod/stripe/key', u64(1)]);
    refuses(sealed, dek, ['vault.value', 'fedcba9876543210', 'prod/stripe/key', u64(1)]);
    refuses(sealed, dek, ['vault.value', org, 'prod/stripe/kez', u64(1)]);
    refuses(sealed, dek, ['vault.value', org, 'prod/stripe/key', u64(2)]);
    refuses(sealed, dek, ['vault.value', org, 'prod/stripe/key']);
    refuses(sealed, dek, ['vault.value', org, 'prod/stripe', '/key', u64(1)]);
  });

  test('the same secret as another org or version is another key with another commitment', () => {
    const secret = randomBytes(32);
    const load = (o: string, v: number) => deriveDek(Buffer.from(secret), o, v);
    const sealed = seal(load(org, 1), context, Buffer.from('x'));
    expect(open(load(org, 1), context, sealed).toString()).toBe('x');
    refuses(sealed, load(org, 2));
    refuses(sealed, load('fedcba9876543210', 1));
    expect(load(org, 1).header.subarray(5).equals(load(org, 2).header.subarray(5))).toBe(false);
  });

  test('loading a DEK zeroes its bytes and refuses other lengths', () => {
    const secret = randomBytes(32);
    deriveDek(secret, org, 1);
    expect(secret.equals(Buffer.alloc(32))).toBe(true);
    expect(() => deriveDek(new Uint8Array(31), org, 1)).toThrow(RangeError);
  });

  test('every failure is the same error, with nothing in it', () => {
    const sealed = seal(dek, context, Buffer.from('x'));
    const failures = ['', 'enc:v1:', `${sealed}AAAA`, sealed.replace('v1', 'v2'), `${sealed.slice(0, -4)}AAAA`];
    const seen = failures.map((text) => {
      try {
        open(dek, context, text);
        return 'opened';
      } catch (error) {
        return error instanceof Error ? `${error.name} ${error.message} ${Object.entries(error)}` : 'odd';
      }
    });
    expect(new Set(seen)).toEqual(
      new Set(['DecryptionError could not be decrypted code,decryption_failed,name,DecryptionError']),
    );
  });

  test('the DEK version of what is not an enc:v1 string is not guessed', () => {
    for (const text of ['', 'enc:v1:', 'enc:v1:AAAA', 'enc:v2:AQAAAAHw', 'enc:v1:AgAAAAHwbOhU', 'plaintext']) {
      expect(() => parseDekVersion(text)).toThrow(DecryptionError);
    }
  });
});

describe('fields', () => {
  test('different lists of fields never give the same bytes', () => {
    const lists = fc.array(fc.string(), { maxLength: 5 });
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        expect(encodeLengthPrefixedFields(...a).equals(encodeLengthPrefixedFields(...b))).toBe(
          JSON.stringify(a) === JSON.stringify(b),
        );
      }),
    );
  });

  test('numbers outside what a field can hold are refused', () => {
    for (const bad of [-1, 1.5, 2 ** 53, Number.NaN]) expect(() => u64(bad)).toThrow(RangeError);
    expect(u64(2 ** 53 - 1).toString('hex')).toBe('001fffffffffffff');
  });
});

test('base64 has one spelling for each byte string', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
      expect(decodeStrictBase64(Buffer.from(bytes).toString('base64'))?.equals(bytes)).toBe(true);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ABwx09+/=-_ \n'), maxLength: 12 }), (text) => {
      const bytes = decodeStrictBase64(text);
      if (bytes !== undefined) expect(bytes.toString('base64')).toBe(text);
    }),
  );
});
