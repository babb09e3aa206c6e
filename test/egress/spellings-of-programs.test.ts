/** Spellings of a value that common programs write, and those that show it to a reader, are concealed. */
import { describe, expect, test } from 'vitest';
import { toShownResponse } from '../../egress/exchange/shown-response.ts';
import { ResponseRedactor } from '../../egress/redaction/response-redactor.ts';

const concealed = '<concealed by anima>';
const value = 'sk_live_4eC39/Hq+LyjWDarjtT1&zdp<7dc';
const phrase = 'correct horse battery staple';
const quotes = `a'b"c'd"e'f"g`;
const words = 'Pässwörter-für-Größe-und-Öl';

const utf8 = Buffer.from(value);
const utf16le = Buffer.from(value, 'utf16le');
const utf16be = Buffer.from(utf16le).swap16();
const hexBytes = (bytes: Buffer): string[] => bytes.toString('hex').match(/../g) ?? [];
const quotedPrintable = (text: string): string =>
  hexBytes(Buffer.from(text))
    .map((hex) => `=${hex.toUpperCase()}`)
    .join('');

describe('a value is concealed', () => {
  test.each([
    ['in quoted-printable', value, quotedPrintable(value)],
    ['in quoted-printable with only some characters escaped', value, value.replace(/\W/g, quotedPrintable)],
    ['in lines of quoted-printable', value, value.replace(/(.{10})/g, '$1=\r\n')],
    ['in quoted-printable within base64', value, Buffer.from(quotedPrintable(value)).toString('base64')],
    ['in UTF-16LE within base64', value, utf16le.toString('base64')],
    ['in UTF-16BE within base64', value, utf16be.toString('base64')],
    ['in UTF-7', value, `+${utf16be.toString('base64').replaceAll('=', '')}-`],
    ['in UTF-16 within hexadecimal', value, utf16le.toString('hex')],
    [
      'in UTF-16 within percent-encoding',
      value,
      hexBytes(utf16le)
        .map((hex) => `%${hex}`)
        .join(''),
    ],
    ['with escaped zeros', value, [...value].join('\\u0000')],
    ['in hexadecimal with colons', value, hexBytes(utf8).join(':')],
    ['in hexadecimal with hyphens', value, hexBytes(utf8).join('-')],
    [
      'in hexadecimal with prefixes',
      value,
      hexBytes(utf8)
        .map((hex) => `0x${hex}`)
        .join(', '),
    ],
    ['in hexadecimal after one prefix', value, `0x${utf8.toString('hex')}`],
    ['as a Buffer in JSON', value, JSON.stringify(utf8.toJSON().data)],
    ['as a list of bytes in lines', value, JSON.stringify([...utf8], undefined, 2)],
    [
      'in percent-encoding of UTF-16 units',
      value,
      hexBytes(utf8)
        .map((hex) => `%u00${hex}`)
        .join(''),
    ],
    [
      'in long escapes',
      value,
      hexBytes(utf8)
        .map((hex) => `\\U000000${hex}`)
        .join(''),
    ],
    ['with no-break spaces', phrase, phrase.replaceAll(' ', '\u00a0')],
    ['with wide spaces', phrase, phrase.replaceAll(' ', '\u2003')],
    ['with next-line characters', phrase, phrase.replaceAll(' ', '\u0085')],
    ['with zero-width spaces', value, [...value].join('\u200b')],
    ['with soft hyphens', value, [...value].join('\u00ad')],
    ['with soft hyphens of HTML', value, [...value].join('&shy;')],
    ['with variation selectors', value, [...value].join('\ufe0f')],
    ['in another normalization form', words, words.normalize('NFD')],
    ['that is itself in another normalization form', words.normalize('NFD'), words.normalize('NFC')],
    ['with doubled quotes, as in SQL and CSV', quotes, quotes.replaceAll("'", "''").replaceAll('"', '""')],
  ])('%s', (_, secret, spelt) => {
    expect(new ResponseRedactor([secret]).redactText(`<a>${spelt}</a>`)).toMatch(
      /^<a>(?:.{0,12}<concealed by anima>)+.{0,12}<\/a>$/s,
    );
  });

  test.each(['&constructor;', '&toString;', '&__proto__;'])(
    'from a text with the unknown reference %s',
    (reference) => {
      expect(new ResponseRedactor([value]).redactText(`${reference} ${value}`)).toBe(`${reference} ${concealed}`);
    },
  );

  test.each(['9fQxZw8Lm', 'k3_vR7tYqB', value])(
    'each time, if other encodings of the same text are at several places: %s',
    (secret) => {
      const twice = Buffer.from(Buffer.from(secret).toString('base64'));
      const text = Buffer.from(twice.toString('base64'));
      const copies = [text.toString('base64'), text.toString('hex'), [...text].join(', ')];
      const redactor = new ResponseRedactor([secret]);
      // What is left is the padding of each level.
      for (const first of copies)
        for (const second of copies)
          expect(redactor.redactText(`${first}|${second}`).replaceAll(concealed, '').length).toBeLessThan(20);
    },
  );

  test('in bounded time, whatever encodings a body has', () => {
    const mixed = '%25\\u0025&amp;#37;=3D""=3d %5c \\\\ 0x37:35-&shy; 115, 107, 95, 200 aGVsbG8gd29ybGQ= \u200b';
    const body = Buffer.from(mixed.repeat(3000));
    const before = process.cpuUsage().user;
    new ResponseRedactor([value]).redactBytes(body);
    expect((process.cpuUsage().user - before) / 1e6).toBeLessThan(10);
  });
});

describe('the answer to a caller', () => {
  const shown = (headers: [string, string][], secret: string, status = 200, body = '') =>
    toShownResponse(
      { status, statusText: '', headers, body: Buffer.from(body) },
      new ResponseRedactor([secret]),
      1000,
      new URL('https://api.example.com/'),
    );
  const latin1 = (text: string) => Buffer.from(text).toString('latin1');

  test('has no header whose control characters stand for the spaces of a value', () => {
    for (const character of ['\u0085', '\u0091', '\u007f']) {
      const etag = latin1(phrase.replaceAll(' ', character));
      expect(shown([['etag', etag]], phrase).headers.etag).toBe(concealed);
    }
  });

  test.each([
    ['digits, which URL parsing makes an address', '1234567890', 'https://1234567890/'],
    ['hexadecimal digits, which URL parsing makes an address', '0x7fabcdef', 'https://0x7fabcdef/'],
    ['other letters, which URL parsing encodes', words, `https://${words}.example.com/`],
    ['letters', 'zq8rt5vx2nlk9swd', 'https://zq8rt5vx2nlk9swd.example.com/'],
  ])('has no host of a redirect that is a value of %s', (_, secret, location) => {
    const { redirectHost } = shown([['location', location]], secret, 302);
    expect(redirectHost?.replace('.example.com', '')).toBe(concealed);
  });

  test('has the host of a redirect with a value elsewhere', () => {
    expect(shown([['location', `https://Login.example.com/?a=${value}`]], value, 302).redirectHost).toBe(
      'login.example.com',
    );
    expect(shown([['location', `/next?a=${value}`]], value, 302).redirectHost).toBe('api.example.com');
  });

  test('has no body that any of several headers calls compressed', () => {
    for (const codings of [['identity', 'gzip'], ['identity, br'], ['', 'zstd'], ['deflate', 'identity']]) {
      const headers = codings.map((coding): [string, string] => ['content-encoding', coding]);
      expect(shown(headers, value, 200, 'text').bodyOmitted, codings.join()).toBe('compressed');
    }
    expect(shown([['content-encoding', 'Identity , identity']], value, 200, 'text').body).toBe('text');
  });
});
