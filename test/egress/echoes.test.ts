/** If a server repeats a value in its response, the value does not reach the model. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsedValueHistory } from '../../cli/mcp/used-value-history.ts';
import { ResponseRedactor } from '../../egress/redaction/response-redactor.ts';
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
    expect(tracesOf(secret, secret.slice(3, 26))).not.toEqual([]);
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

  test.each([
    ['a backslash', '!    \\ /   "#$%0'],
    ['percent-encoding', 'Zq8%72T5v/nLk9sWd4'],
    ['an HTML reference', 'Zq8&amp;T5v/nLk9sWd4'],
    ['two levels of percent-encoding', 'Zq8%2572T5v/nLk9sWd4'],
  ])('that contains %s is taken out of a response that encodes only another character', (_, value) => {
    for (const slash of ['\\u002f', '%2f', '&#x2f;']) {
      const spelt = value.replace('/', slash);
      expect(new ResponseRedactor([value]).redactText(`before ${spelt} after`), spelt).toBe(
        `before ${concealed} after`,
      );
    }
  });

  test('of spaces in percent-encoding leaves indentation as it is', () => {
    const indented = 'if (x) {\n        return;\n}';
    expect(new ResponseRedactor(['%20%20%20%20%20%20']).redactText(indented)).toBe(indented);
  });

  test('of four characters is taken out whole', () => {
    expect(new ResponseRedactor(['a1b2']).redactText('a1b2 A1B2 a1b')).toBe(`${concealed} ${concealed} a1b`);
  });
});

describe('of a longer value', () => {
  test('each block of twelve characters is taken out of a fragment, and at most eleven before and after it are left', () => {
    const value = 'Zq8rT5vX2nLk9sWd4fGh7jPmB1cY6eU3oK0aRtQ';
    const echoes = new ResponseRedactor([value]);
    for (let at = 0; at + 23 <= value.length; at++) {
      expect(echoes.redactText(`[${value.slice(at, at + 23)}]`)).toMatch(/^\[\w{0,11}<concealed by anima>\w{0,11}\]$/);
    }
    for (const at of [0, 12, 24]) expect(echoes.redactText(`[${value.slice(at, at + 12)}]`)).toBe(`[${concealed}]`);
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

const byPerson = (...texts: string[]) => texts.map((text) => ({ text, isByModel: false }));
const byModel = (...texts: string[]) => texts.map((text) => ({ text, isByModel: true }));
const many = (count: number, length: number) =>
  Array.from({ length: count }, (_, i) => `value-${i}-`.padEnd(length, 'abcdefghijk'));

describe('values used before', () => {
  test('are never forgotten, whatever a model generates: when there is no room, the use is refused', () => {
    const used = new UsedValueHistory();
    used.remember(byPerson('first-value-of-all'));
    expect(used.remember(byPerson('second-value')).redactText('first-value-of-all second-value')).toBe(
      `${concealed} ${concealed}`,
    );
    const generated = many(33, 512);
    let refused = 0;
    for (const text of generated) {
      try {
        used.remember(byModel(text));
      } catch (error) {
        expect(String(error)).toMatch(/Nothing was sent.*--prefix/);
        refused++;
      }
    }
    expect(refused).toBe(25);
    // Room for what a person stored is left, and every text used before is still found.
    const redactor = used.remember(byPerson('last-value'));
    expect(redactor.redactText(`first-value-of-all last-value ${generated[0]}`)).toBe(
      `${concealed} ${concealed} ${concealed}`,
    );
    expect(() => used.remember(byModel(generated[0] ?? ''))).not.toThrow();
  });

  test('of a person are refused beyond their limit too, and nothing of the refused request is remembered', () => {
    const used = new UsedValueHistory();
    used.remember(byPerson(...many(150, 20)));
    expect(() => used.remember(byPerson('one-too-many'))).toThrow(/at most 150/);
    expect(() => used.remember([...byModel('a-new-composite'), ...byPerson('one-too-many')])).toThrow(/at most 150/);
    expect(used.remember([]).redactText('a-new-composite')).toBe('a-new-composite');
  });
});

describe('an encoding within others', () => {
  const value = 'sk_live_4eC39/Hq+Lyj~WDarjtT1&zdp<7dc';
  const encoders: Record<string, (text: string) => string> = {
    base64: (text) => Buffer.from(text).toString('base64'),
    'base64 after other bytes': (text) => Buffer.from(`x${text}`).toString('base64'),
    'base64 in lines': (text) =>
      (
        Buffer.from(text)
          .toString('base64')
          .match(/.{1,20}/g) ?? []
      ).join('\r\n'),
    base64url: (text) => Buffer.from(text).toString('base64url'),
    hex: (text) => Buffer.from(text).toString('hex'),
    'hex after a digit': (text) => `a${Buffer.from(text).toString('hex').toUpperCase()}`,
    url: encodeURIComponent,
    json: (text) => JSON.stringify(text).replaceAll('/', '\\/').slice(1, -1),
    html: (text) => text.replace(/[^A-Za-z]/g, (character) => `&#x${character.codePointAt(0)?.toString(16)};`),
  };
  const names = Object.keys(encoders);
  const chains = names.flatMap((first) =>
    names.flatMap((second) => [[first, second], ...names.map((third) => [first, second, third])]),
  );

  test('is found for every chain of two and three', () => {
    const redactor = new ResponseRedactor([value]);
    for (const chain of chains) {
      const encoded = chain.reduce((text, name) => encoders[name]?.(text) ?? '', value);
      const told = redactor.redactText(`{"a": "${encoded}" }`);
      expect(told, chain.join(' of ')).toContain(concealed);
      // At most the characters at both ends that also encode other bytes are left.
      const left = told.replaceAll(concealed, '').length - '{"a": "" }'.length;
      expect(left / encoded.length, chain.join(' of ')).toBeLessThan(0.2);
    }
  });

  test('is searched in bounded time, whatever the body', () => {
    let body = 'the quick brown fox jumps over the lazy dog '.repeat(2000);
    for (let i = 0; i < 3; i++)
      body = Buffer.from(body)
        .toString(i === 1 ? 'hex' : 'base64')
        .slice(0, 262_144);
    const before = process.cpuUsage().user;
    new ResponseRedactor([value]).redactBytes(Buffer.from(body));
    expect((process.cpuUsage().user - before) / 1e6).toBeLessThan(10);
  });
});

describe('a value with characters beyond ASCII', () => {
  const value = 'Pässwörter-für-Größe-und-Öl-€';
  const redactor = new ResponseRedactor([value]);
  test.each([
    ['UTF-8', Buffer.from(value)],
    ['Latin-1, as in headers', Buffer.from(value.replace('€', '?'), 'latin1')],
    ['Windows-1252', Buffer.concat([Buffer.from(value.replace('€', ''), 'latin1'), Buffer.from([0x80])])],
    ['UTF-8 read as Latin-1', Buffer.from(Buffer.from(value).toString('latin1'))],
    ['UTF-8 read as Windows-1252', Buffer.from(new TextDecoder('windows-1252').decode(Buffer.from(value)))],
    [
      'UTF-8 read as Latin-1, in base64',
      Buffer.from(Buffer.from(Buffer.from(value).toString('latin1')).toString('base64')),
    ],
    ['UTF-8 read as Latin-1, URL-encoded', Buffer.from(encodeURIComponent(Buffer.from(value).toString('latin1')))],
    ['Latin-1 in base64', Buffer.from(Buffer.from(value.replace('€', '?'), 'latin1').toString('base64'))],
    ['upper case', Buffer.from(value.toUpperCase())],
    ['a block in Latin-1', Buffer.from(value.slice(0, 12), 'latin1')],
  ])('is taken out in %s', (_, bytes) => {
    const told = redactor.redactBytes(Buffer.concat([Buffer.from('{'), bytes, Buffer.from('}')])).toString('latin1');
    expect(told.replace(concealed, '').length).toBeLessThanOrEqual(5);
    expect(told).toContain(concealed);
  });
});
