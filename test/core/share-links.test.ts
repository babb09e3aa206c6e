import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newFragmentKey } from '../../core/blobs/blob-key-derivation.ts';
import { computeLinkProof, verifierOf } from '../../core/blobs/link-proof.ts';
import {
  formatLinkId,
  formatLinkUrl,
  parseFragmentKey,
  parseLinkId,
  parseLinkPath,
  parseLinkUrl,
} from '../../core/blobs/share-link.ts';
import {
  encodeFieldBytes,
  fromBase64Url,
  toBase64,
  toBase64Url,
  u32Bytes,
  u64Bytes,
} from '../../core/encoding/bytes.ts';
import { encodeLengthPrefixedFields, u32, u64 } from '../../core/encoding/length-prefixed-fields.ts';

const id = { org: '0123456789abcdef', id: '01m7xpe6000123456789abcdef', locator: 'ghjkmnpqrstvwxyz' };
const key = newFragmentKey();
const url = (link: string) => formatLinkUrl(`https://example.com/b/${link}`, key);

describe('links', () => {
  test('an address gives back blob, locator, origin and key', () => {
    const parsed = parseLinkUrl(url(formatLinkId(id)));
    expect(parsed).toEqual({ ...id, link: formatLinkId(id), key, origin: 'https://example.com' });
    expect(parseLinkId(formatLinkId(id))).toEqual(id);
  });

  test('what is no link is told apart: length, alphabet, path, key, spelling of the key', () => {
    const link = formatLinkId(id);
    const bad = [
      'no url',
      `https://example.com/b/${link}`,
      `https://example.com/b/${link}#`,
      `https://example.com/c/${link}#${toBase64Url(key)}`,
      `https://example.com/b/${link}/x#${toBase64Url(key)}`,
      `https://user@example.com/b/${link}#${toBase64Url(key)}`,
      url(link.slice(1)),
      url(`${link}0`),
      url(link.toUpperCase()),
      url(`${id.org}z${link.slice(17)}`),
      url(link).slice(0, -1),
      `${url(link)}A`,
      `${url(link)}=`,
      // The last of the 43 characters has two unused bits, which must be zero.
      formatLinkUrl(`https://example.com/b/${link}`, key).replace(/.$/, '_'),
    ];
    for (const address of bad) expect(parseLinkUrl(address), address.slice(0, 40)).toBeUndefined();
    expect(parseFragmentKey(`#${toBase64Url(key)}`)).toEqual(key);
    expect(parseFragmentKey(toBase64Url(key.subarray(1)))).toBeUndefined();
  });
});

describe('text around a link', () => {
  const link = formatLinkId(id);
  const whole = url(link);
  // All that a person, a mail program or a browser puts there; the fragment as it is, and as browsers encode it.
  test.for([
    ...[
      '.',
      ',',
      ';',
      ':',
      '!',
      '?',
      ')',
      ']',
      '}',
      '>',
      '"',
      "'",
      '…',
      '”',
      '’',
      '»',
      '」',
      '。',
      '、',
      '！',
      '؟',
      '।',
    ],
    ...[
      '*',
      '**',
      '_',
      '__',
      '-',
      '—',
      '`',
      '|',
      '\\',
      '/',
      '~',
      ').',
      '>.',
      '")',
      '."',
      ' ',
      '\u00A0',
      '\n',
      '\u200B',
    ],
    ...['\uFEFF', '\u200E', '\u202C', '\uFE0F', ' .', ':~:text=a%20word'],
  ])('%j behind it is ignored', (tail) => {
    const encoded = new URL(whole + tail);
    for (const address of [whole + tail, encoded.href]) {
      expect(parseLinkUrl(address)).toMatchObject({ link, key });
      expect(parseLinkPath(address)).toBe(link);
    }
    for (const fragment of [encoded.hash, encoded.hash.slice(1)]) expect(parseFragmentKey(fragment)).toEqual(key);
  });

  test.for(['<', '(', '[', '"', '“', '«', '「', ' ', '\n', '\uFEFF', '*', '`', '- ', '> '])(
    '%j before it is ignored',
    (head) => {
      expect(parseLinkUrl(head + whole)).toMatchObject({ link, key });
      expect(parseLinkUrl(`${head}${whole}>.`)).toMatchObject({ link, key });
    },
  );

  test.for(['A', '.A', ')a', '=', '_9', 'é', '%41', '&x=1', '#'.concat('A')])('%j behind it is not', (tail) => {
    expect(parseLinkUrl(whole + tail)).toBeUndefined();
    expect(parseFragmentKey(toBase64Url(key) + tail)).toBeUndefined();
  });

  test('a query that a mail program adds, and a key that is not there, leave the link', () => {
    const address = `https://example.com/b/${link}?utm_source=mail#${toBase64Url(key)}.`;
    expect(parseLinkUrl(address)).toMatchObject({ link, key });
    expect(parseLinkPath(`(https://example.com/b/${link}).`)).toBe(link);
    expect(parseLinkPath(`https://example.com/b/${link}x`)).toBeUndefined();
    expect(parseLinkPath(`https://example.com/b/${link}/x`)).toBeUndefined();
  });
});

describe('proofs', () => {
  test('a proof is of one key, one blob and one verb', async () => {
    const proofs = await Promise.all([
      computeLinkProof(key, id, 'open'),
      computeLinkProof(key, id, 'burn'),
      computeLinkProof(newFragmentKey(), id, 'open'),
      computeLinkProof(key, { ...id, id: '01m7xpe6000123456789abcdeg' }, 'open'),
      computeLinkProof(key, { ...id, org: '0123456789abcdeg' }, 'open'),
    ]);
    expect(new Set(proofs.map((proof) => toBase64(proof))).size).toBe(proofs.length);
    expect(await computeLinkProof(key, id, 'open')).toEqual(proofs[0]);
    const hash = createHash('sha256')
      .update(proofs[0] ?? '')
      .digest('base64');
    expect(toBase64(await verifierOf(proofs[0] ?? key))).toBe(hash);
  });
});

describe('bytes without Buffer', () => {
  test('are those of Node: fields, numbers, base64 and base64url', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array())),
        fc.uint8Array(),
        fc.maxSafeNat(),
        (fields, bytes, number) => {
          expect(encodeLengthPrefixedFields(...fields).equals(encodeFieldBytes(...fields))).toBe(true);
          expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
          expect(toBase64Url(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
          expect(fromBase64Url(toBase64Url(bytes))).toEqual(bytes);
          expect(u64(number).equals(u64Bytes(number))).toBe(true);
          expect(u32(number % 2 ** 32).equals(u32Bytes(number % 2 ** 32))).toBe(true);
        },
      ),
    );
    for (const text of ['A', 'AB', 'AAA=', 'A A', 'AA+A', 'é']) expect(fromBase64Url(text)).toBeUndefined();
    for (const number of [-1, 0.5, 2 ** 32]) expect(() => u32Bytes(number)).toThrow(RangeError);
    for (const number of [-1, 0.5, 2 ** 53]) expect(() => u64Bytes(number)).toThrow(RangeError);
  });
});
