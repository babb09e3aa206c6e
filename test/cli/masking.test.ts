import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseEnvFile } from '../../cli/secrets/dotenv-format.ts';
import { StreamMasker } from '../../cli/secrets/stream-masking.ts';
import { concealedMarker } from '../../egress/redaction/concealed-marker.ts';
import { encodedFormsOf, isMaskable } from '../../egress/redaction/encoded-forms.ts';

const bytes = (text: string | Uint8Array) => Buffer.from(text as string);

/** The masked output for these input chunks. */
function masked(concealer: StreamMasker, ...chunks: readonly (string | Uint8Array)[]): Buffer {
  const mask = concealer.mask();
  return Buffer.concat([...chunks.map((chunk) => mask.push(bytes(chunk))), mask.end()]);
}
const maskedText = (values: readonly string[], ...chunks: readonly string[]) =>
  masked(new StreamMasker(values), ...chunks).toString();

/** Cuts bytes at these positions. */
function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (whole.length + 1)).sort((a, b) => a - b), whole.length];
  return sorted.slice(1).map((end, i) => whole.subarray(sorted[i], end));
}

const secret = "sk_live_ü\"</é>\\n&+/ 51H?x='y'";

describe('a value is concealed', () => {
  const url = (text: string) => encodeURIComponent(text);
  test.each([
    ['itself', secret],
    ['in JSON', JSON.stringify(secret).slice(1, -1)],
    ['in JSON in JSON', JSON.stringify(JSON.stringify(secret)).slice(3, -3)],
    ['in JSON of Python', asPython(secret)],
    [
      'in JSON of Go',
      JSON.stringify(secret)
        .slice(1, -1)
        .replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`),
    ],
    [
      'in JSON of PHP',
      JSON.stringify(secret)
        .slice(1, -1)
        .replaceAll('/', '\\/')
        .replace(/[^\0-~]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`),
    ],
    ['in a URL', url(secret)],
    ['in a URL with small digits', url(secret).replace(/%../g, (hex) => hex.toLowerCase())],
    ['in a form', new URLSearchParams({ '': secret }).toString().slice(1)],
    ['in a URL by RFC 3986', url(secret).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)],
    ['in hexadecimal', bytes(secret).toString('hex')],
    ['in capital hexadecimal', bytes(secret).toString('hex').toUpperCase()],
    [
      'in HTML',
      secret
        .replaceAll('&', '&amp;')
        .replaceAll('<', '&lt;')
        .replaceAll('>', '&gt;')
        .replaceAll('"', '&quot;')
        .replaceAll("'", '&#39;'),
    ],
    ['in base64', bytes(secret).toString('base64')],
    ['in base64url', bytes(secret).toString('base64url')],
  ])('%s', (_, form) => {
    expect(form.length).toBeGreaterThan(20);
    expect(maskedText([secret], `a ${form} b`)).toBe(`a ${concealedMarker} b`);
  });

  test('in base64 of longer data, wherever it stands in it, in both alphabets', () => {
    const value = '>>>???~~~ÿÿÿ';
    for (const before of ['', 'a', 'ab', 'abc', 'user:', 'admin:']) {
      for (const after of ['', 'z', 'zz', 'zzz']) {
        for (const alphabet of ['base64', 'base64url'] as const) {
          const shown = masked(new StreamMasker([value]), bytes(before + value + after).toString(alphabet)).toString();
          expect(shown).toContain(concealedMarker);
          // The rest decodes to the surrounding text and at most one incomplete byte on either side.
          const rest = shown.replace(concealedMarker, '').replace(/=+$/, '');
          expect(rest.length * 6).toBeLessThanOrEqual((before.length + after.length) * 8 + 12);
        }
      }
    }
  });

  test('in base64 in lines, as `base64` prints it', () => {
    const value = randomBytes(90).toString('hex');
    for (const width of [64, 76]) {
      for (const end of ['\n', '\r\n']) {
        const lines = bytes(value)
          .toString('base64')
          .replace(new RegExp(`.{${width}}(?=.)`, 'g'), `$&${end}`);
        expect(maskedText([value], `-\n${lines}\n-`)).toBe(`-\n${concealedMarker}\n-`);
      }
    }
  });

  test('line by line, where it has long lines, and without the white space around it', () => {
    const key = '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nshort\n-----END KEY-----\n';
    expect(maskedText([key], key)).toBe(concealedMarker);
    const shown = maskedText([key], key.replaceAll('\n', '\r\n  '));
    expect(shown).not.toContain('MIIEvQIB');
    expect(shown).toContain('short');
    expect(maskedText([' tight\n'], 'x tight y')).toBe(`x ${concealedMarker} y`);
  });

  test('by a hostile writer too, where that is asked for', () => {
    const value = 'hunter2!';
    const forms = [
      value.replace(/./g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`),
      value.replace(/./g, (c) => `%${c.charCodeAt(0).toString(16)}`),
      value.replace(/./g, (c) => `&#${c.charCodeAt(0)};`),
      value.replace(/./g, (c) => `&#x${c.charCodeAt(0).toString(16)};`),
    ];
    const hostile = new StreamMasker([value], { includeFullyEscaped: true });
    for (const form of forms) expect(masked(hostile, form).toString()).toBe(concealedMarker);
  });
});

describe('a mask', () => {
  test('gives the same whatever the chunks, in 100 of 100 random chunkings of every form of thirty values', () => {
    const values = parseEnvFile(readFileSync(new URL('../shared/thirty.env', import.meta.url), 'utf8')).map(
      ({ value }) => value,
    );
    const long = values.filter(isMaskable);
    const forms = long.flatMap((value) => encodedFormsOf(value));
    const all = Buffer.concat(forms.flatMap((form) => [form, bytes(' \u0001 ')]));
    const concealer = new StreamMasker(values);
    const whole = masked(concealer, all);
    // The output has only markers and the text between the forms.
    expect(whole.toString().replaceAll(concealedMarker, '').replaceAll(' \u0001 ', '')).toBe('');
    for (let round = 0; round < 100; round++) {
      const places = Array.from({ length: 200 }, () => randomBytes(4).readUInt32BE());
      const out = masked(concealer, ...cut(all, places));
      expect(out.equals(whole)).toBe(true);
      for (const value of long) expect(out.includes(value)).toBe(false);
    }
  });

  test('leaves bytes without a value as they are, binary ones too, and shows all of them at the end', () => {
    const concealer = new StreamMasker(['aaab', 'secret-value']);
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(fc.constant(bytes('aaa')), fc.constant(bytes('secret-valu')), fc.uint8Array({ maxLength: 6 })),
        ),
        fc.array(fc.nat(), { maxLength: 8 }),
        (parts, places) => {
          const whole = Buffer.concat(parts);
          fc.pre(!whole.includes('aaab') && !whole.includes('secret-value'));
          expect(masked(concealer, ...cut(whole, places)).equals(whole)).toBe(true);
        },
      ),
    );
  });

  test('agrees with a search that looks at every position, for values that overlap', () => {
    const alphabet = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 4, maxLength: 7 });
    fc.assert(
      fc.property(
        fc.array(alphabet, { minLength: 1, maxLength: 4 }),
        fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 60 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        (values, text, places) => {
          const forms = values.flatMap((value) => encodedFormsOf(value).map(String));
          expect(masked(new StreamMasker(values), ...cut(bytes(text), places)).toString()).toBe(searched(forms, text));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('holds back what may be the beginning of a value and no byte more, until it is decided', () => {
    const mask = new StreamMasker(['hunter2!']).mask();
    expect(mask.push(bytes('say hunt')).toString()).toBe('say ');
    expect(mask.push(bytes('er')).toString()).toBe('');
    expect(mask.push(bytes('s ')).toString()).toBe('hunters ');
    expect(mask.push(bytes('hunter2! and hun')).toString()).toBe(`${concealedMarker} and `);
    expect(mask.end().toString()).toBe('hun');
  });

  test('conceals an endless run of overlapping values once, in constant memory', () => {
    const mask = new StreamMasker(['xxxx']).mask();
    const shown: Buffer[] = [];
    for (let i = 0; i < 1000; i++) shown.push(mask.push(Buffer.alloc(1000, 'x')));
    expect(Buffer.concat(shown).toString()).toBe(concealedMarker);
    expect(mask.end().toString()).toBe('');
  });

  test('takes time in proportion to what it reads, also where every byte nearly matches', () => {
    const concealer = new StreamMasker([`${'a'.repeat(20_000)}b`]);
    const chunk = Buffer.alloc(1_000_000, 'a');
    const started = performance.now();
    expect(masked(concealer, chunk).length).toBe(chunk.length);
    // A brute-force search would need 2·10^10 comparisons.
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('does not look for values of fewer than four characters, nor for the empty one', () => {
    expect(maskedText(['abc', ''], 'abc YWJj')).toBe('abc YWJj');
    expect([isMaskable('abc'), isMaskable('äöü'), isMaskable('abcd'), isMaskable('😀😀😀')]).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });

  test('works as a stream', async () => {
    const source = Readable.from([bytes('a hun'), bytes('ter2! b')]);
    expect(await textOf(source.pipe(new StreamMasker(['hunter2!']).stream()))).toBe(`a ${concealedMarker} b`);
  });
});

/** A simple reference implementation: marks every byte of every occurrence. */
function searched(forms: readonly string[], text: string): string {
  const spans: [number, number][] = [];
  for (const form of forms) {
    for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + 1)) spans.push([at, at + form.length]);
  }
  spans.sort(([a], [b]) => a - b);
  let out = '';
  let at = 0;
  for (let i = 0; i < spans.length; ) {
    let [start, end] = spans[i] ?? [0, 0];
    for (i++; i < spans.length && (spans[i]?.[0] ?? 0) < end; i++) end = Math.max(end, spans[i]?.[1] ?? 0);
    out += text.slice(at, start) + concealedMarker;
    at = end;
    start = end;
  }
  return out + text.slice(at);
}

/** The output of Python's `json.dumps`, which escapes all non-ASCII characters. */
function asPython(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
