/** Keys as text (docs/sessions.md, "Keys as text"). */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatKeyText, type KeyKind, parseKeyText } from '../../cli/sessions/key-text.ts';
import { toBase32 } from '../../core/encoding/crockford-base32.ts';

const org = '0123456789abcdef';
const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });
const kind = fc.constantFrom<KeyKind>('authority', 'recovery', 'fleet');

test('a key text is what the page says', () => {
  const key = Uint8Array.from({ length: 32 }, (_, at) => at);
  const check = createHash('sha256').update('anima:key-text:v1\0recovery\0').update(`${org}\0`).update(key).digest();
  const groups = toBase32(Uint8Array.from([...key, ...check.subarray(0, 3)])).match(/.{4}/g) ?? [];
  expect(formatKeyText('recovery', org, key)).toBe(`ANIMA-RECOVERY-${groups.join('-').toUpperCase()}`);
  expect(groups).toHaveLength(14);
});

test('every key comes back, however it is typed, and as nothing else', () => {
  fc.assert(
    fc.property(kind, seed, kind, (one, key, other) => {
      const text = formatKeyText(one, org, key);
      for (const typed of [text, text.toLowerCase(), text.replaceAll('-', ' '), `${text}\n`])
        expect(parseKeyText(one, org, typed)).toEqual(key);
      expect(() => parseKeyText(one, 'f'.repeat(16), text)).toThrow(/not the/);
      if (one !== other) {
        const disguised = text.replace(one.toUpperCase(), other.toUpperCase());
        expect(() => parseKeyText(other, org, disguised)).toThrow(/not the/);
      }
    }),
  );
});

test('a mistyped character is noticed, and the text is not quoted', () => {
  const text = formatKeyText('fleet', org, new Uint8Array(32).fill(7));
  for (const at of [12, 20, 40, text.length - 1]) {
    const mistyped = `${text.slice(0, at)}${text[at] === '0' ? '1' : '0'}${text.slice(at + 1)}`;
    if (text[at] === '-') continue;
    const error = (() => {
      try {
        parseKeyText('fleet', org, mistyped);
      } catch (thrown) {
        return String(thrown);
      }
      return expect.fail('it was accepted');
    })();
    expect(error).not.toContain(mistyped.slice(12, 30));
  }
});
