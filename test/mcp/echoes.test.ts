/** If a server repeats a value in its response, the value does not reach the model. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ResponseRedactor } from '../../cli/mcp/response-redaction.ts';
import { UsedValueHistory } from '../../cli/mcp/used-value-history.ts';
import { spellings } from './hostile-server.ts';
import { tracesOf } from './secret-search.ts';

const secret = 'sk_live_"4eC39/Hq+Lyj WDarj\'tT1&zdp<7dc>ü€';
const concealed = '<concealed by anima>';

describe('a value', () => {
  test('is taken out in every spelling of servers, and what stands around it is kept', () => {
    const echoes = new ResponseRedactor([secret]);
    for (const spelling of spellings(secret)) {
      const text = echoes.redactText(`before ${spelling} after`);
      expect(tracesOf(secret, text), spelling).toEqual([]);
      expect(text).toContain(concealed);
      expect(text).toMatch(/^before .* ?after$/s);
    }
  });

  test('would be found by the search of this test if it stood there', () => {
    for (const spelling of spellings(secret)) {
      // Values in groups or lines are checked only by the assertion above.
      if (!/[\n ]/.test(spelling)) expect(tracesOf(secret, spelling), spelling).not.toEqual([]);
    }
    expect(tracesOf(secret, secret.slice(3, 15))).not.toEqual([]);
  });

  test('is taken out of any three encodings within one another', () => {
    const encoders: ((text: string) => string)[] = [
      encodeURIComponent,
      (text) => JSON.stringify(text).slice(1, -1),
      (text) => JSON.stringify(text).replaceAll('/', '\\/').slice(1, -1),
      (text) =>
        text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll("'", '&#39;').replaceAll('"', '&quot;'),
      (text) => text.replace(/[^A-Za-z]/g, (character) => `&#x${character.codePointAt(0)?.toString(16)};`),
      (text) => text.replace(/[\u0080-\uffff]|[+/=]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
    ];
    const inner = [(text: string) => text, (text: string) => Buffer.from(`u:${text}`).toString('base64')];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...encoders), { maxLength: 3 }),
        fc.constantFrom(...inner),
        fc.string({ minLength: 16, maxLength: 60, unit: 'grapheme-ascii' }),
        (chain, first, value) => {
          fc.pre(new Set(value).size > 8 && value.trim() === value);
          const spelt = chain.reduce((text, encode) => encode(text), first(value));
          const told = new ResponseRedactor([value]).redactText(`{${spelt}}`);
          expect(told).toContain(concealed);
          expect(told).not.toContain(spelt.slice(4, -4));
        },
      ),
      { numRuns: 40 },
    );
  });

  test('of four characters is taken out whole', () => {
    expect(new ResponseRedactor(['a1b2']).redactText('a1b2 A1B2 a1b')).toBe(`${concealed} ${concealed} a1b`);
  });
});

describe('of a longer value', () => {
  test('a fragment of twelve characters is taken out, wherever it was cut', () => {
    const value = 'Zq8rT5vX2nLk9sWd4fGh7jPm';
    const echoes = new ResponseRedactor([value]);
    for (let at = 0; at + 12 <= value.length; at++) {
      expect(echoes.redactText(`[${value.slice(at, at + 12)}]`)).toBe(`[${concealed}]`);
    }
  });

  test('no beginning is left over where an answer ends, whatever the place', () => {
    const value = 'Zq8rT5vX2nLk9sWd4fGh7jPm';
    for (let before = 0; before <= value.length; before++) {
      const body = Buffer.from(`${'x'.repeat(100 - before)}${value}${'y'.repeat(1000)}`);
      const told = new ResponseRedactor([value]).redactBytes(body, 100).toString();
      expect(told).toBe(`${'x'.repeat(100 - before)}${before > 0 ? concealed : ''}`);
    }
  });

  test('indentation and dashes are no fragment', () => {
    const pem = `-----BEGIN KEY-----\n${' '.repeat(20)}Zq8rT5vX2nLk9sWd4fGh7jPm\n-----END KEY-----`;
    const text = `${' '.repeat(20)}-----------------------`;
    expect(new ResponseRedactor([pem]).redactText(text)).toBe(text);
  });
});

test('what holds no value is kept to the byte, whatever bytes it has', () => {
  const echoes = new ResponseRedactor([secret]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(echoes.redactBytes(bytes)).toEqual(Buffer.from(bytes));
    }),
    { numRuns: 100 },
  );
  const text = '{"a":"%41 \\u0041 &#65; &amp;&& %zz \\"}\n\n\ttext';
  expect(echoes.redactText(text)).toBe(text);
});

test('a quarter of a megabyte made of nothing but encodings is read in bounded time', () => {
  const body = Buffer.from('%25\\u0025&amp;#37; \\\\ %5c&percnt;'.repeat(8000));
  const before = process.cpuUsage().user;
  expect(new ResponseRedactor([secret]).redactBytes(body).length).toBe(body.length);
  expect((process.cpuUsage().user - before) / 1e6).toBeLessThan(10);
});

test('values used before are remembered, the oldest forgotten first', () => {
  const used = new UsedValueHistory();
  used.remember(['first-value-of-all']);
  expect(used.remember(['second-value']).redactText('first-value-of-all second-value')).toBe(
    `${concealed} ${concealed}`,
  );
  used.remember(Array.from({ length: 199 }, (_, i) => `value-${i}`));
  expect(used.remember(['last-value']).redactText('first-value-of-all last-value')).toBe(
    `first-value-of-all ${concealed}`,
  );
});
