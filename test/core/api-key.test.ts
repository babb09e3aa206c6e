import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeKeySecret, formatApiKey, parseApiKey } from '../../core/api-keys/api-key.ts';
import { randomId } from '../../core/encoding/random-id.ts';

describe('API keys', () => {
  test('every key comes apart into what it was made of', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const key = { org: randomId(), id: randomId(), secret: encodeKeySecret(bytes) };
        const text = formatApiKey(key);
        expect(text).toMatch(/^anm_[0-9A-Za-z_]{83}$/);
        expect(parseApiKey(text)).toEqual(key);
      }),
    );
  });

  test('the smallest and the largest secret have 43 characters', () => {
    expect(encodeKeySecret(new Uint8Array(32))).toBe('0'.repeat(43));
    expect(encodeKeySecret(new Uint8Array(32).fill(255))).toHaveLength(43);
  });

  test('each changed character is told offline', () => {
    const text = formatApiKey({ org: randomId(), id: randomId(), secret: encodeKeySecret(randomBytes(32)) });
    for (let at = 0; at < text.length; at++) {
      const other = text.charAt(at) === 'x' ? 'y' : 'x';
      expect(parseApiKey(text.slice(0, at) + other + text.slice(at + 1)), `character ${at}`).toBeUndefined();
    }
    for (const odd of ['', 'anm_', ` ${text}`, `${text}\n`, text.slice(0, -1), text.toUpperCase()]) {
      expect(parseApiKey(odd)).toBeUndefined();
    }
  });

  test('ids are 16 characters and do not repeat', () => {
    const ids = Array.from({ length: 1000 }, randomId);
    expect(new Set(ids).size).toBe(1000);
    for (const id of ids) expect(id).toMatch(/^[0-9a-z]{16}$/);
  });
});
