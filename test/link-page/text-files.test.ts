import { describe, expect, test } from 'vitest';
import { maxTextBytes, readTextFile } from '../../viewer/src/preview/text-decoding.ts';
import { joined, latin, utf8 } from './sample-files.ts';

type Bytes = Uint8Array<ArrayBuffer>;
const read = async (content: string | Bytes, { isDeclared = true, charset = '', language = 'en' } = {}) => {
  const found = await readTextFile(new Blob([content]), { isDeclared, charset, language });
  return found && { encoding: found.encoding, certain: found.certain, text: found.decode(found.encoding) };
};
const utf16le = (text: string) => new Uint8Array(Buffer.from(text, 'utf16le'));
const utf16be = (text: string) => new Uint8Array(Buffer.from(text, 'utf16le').swap16());
const base64 = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));

// Encoded with iconv.
const samples = {
  // 日本語のテキストです。
  shiftJis: base64('k/qWe4zqgsyDZYNMg1iDZ4LFgreBQg=='),
  eucJp: base64('xvzL3LjspM6lxqWtpbmlyKTHpLmhow=='),
  iso2022Jp: base64('GyRCRnxLXDhsJE4lRiUtJTklSCRHJDkhIxsoQg=='),
  // Привет, мир! Это текст.
  windows1251: latin('\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0! \xdd\xf2\xee \xf2\xe5\xea\xf1\xf2.'),
  koi8: latin('\xf0\xd2\xc9\xd7\xc5\xd4, \xcd\xc9\xd2! \xfc\xd4\xcf \xd4\xc5\xcb\xd3\xd4.'),
  // 안녕하세요 세계
  eucKr: base64('vsiz58fPvLy/5CC8vLDo'),
  // 你好，世界。这是文本。
  gb18030: base64('xOO6w6OsysC956Gj1eLKx87Esb6how=='),
};

describe('a text', () => {
  test.for<[string, string | Bytes, string, string]>([
    ['UTF-8', 'Grüße,\n\t漢 🙂\r\n', 'utf-8', 'Grüße,\n\t漢 🙂\r\n'],
    ['ASCII', '<script>1</script>', 'utf-8', '<script>1</script>'],
    ['nothing', '', 'utf-8', ''],
    ['UTF-8 with a mark', utf8('\ufeffä'), 'utf-8', 'ä'],
    ['UTF-16 with a mark', utf16le('\ufeffGrüße'), 'utf-16le', 'Grüße'],
    ['UTF-16 with a mark, big-endian', utf16be('\ufeff漢字'), 'utf-16be', '漢字'],
  ])('in %s is certain', async ([, content, encoding, text]) => {
    expect(await read(content)).toEqual({ encoding, certain: true, text });
  });

  test.for<[string, Bytes, string, string, object?]>([
    ['UTF-16 without a mark', utf16le('Hello, wörld'), 'utf-16le', 'Hello, wörld'],
    ['UTF-16 without a mark, big-endian', utf16be('Hello, wörld'), 'utf-16be', 'Hello, wörld'],
    ['Latin-1', latin('Gr\xfc\xdfe, caf\xe9 \xe0 la carte, na\xefve'), 'windows-1252', 'Grüße, café à la carte, naïve'],
    ['Windows-1252', latin('\x80 5, \x93quoted\x94 caf\xe9'), 'windows-1252', '€ 5, “quoted” café'],
    ['Shift-JIS', samples.shiftJis, 'shift_jis', '日本語のテキストです。'],
    ['EUC-JP', samples.eucJp, 'euc-jp', '日本語のテキストです。'],
    ['ISO-2022-JP', samples.iso2022Jp, 'iso-2022-jp', '日本語のテキストです。'],
    ['Windows-1251', samples.windows1251, 'windows-1251', 'Привет, мир! Это текст.'],
    ['KOI8', samples.koi8, 'koi8-u', 'Привет, мир! Это текст.'],
    ['EUC-KR', samples.eucKr, 'euc-kr', '안녕하세요 세계', { language: 'ko-KR' }],
    [
      'Greek, by the language of the browser',
      latin('\xc3\xe5\xe9\xdc \xf3\xef\xf5'),
      'windows-1253',
      'Γειά σου',
      { language: 'el' },
    ],
    ['the charset of its type', latin('\xa4 5'), 'iso-8859-15', '€ 5', { charset: 'ISO-8859-15' }],
    ['an unknown charset', latin('caf\xe9'), 'windows-1252', 'café', { charset: 'x-none' }],
  ])('in %s is a guess', async ([, content, encoding, text, more]) => {
    expect(await read(content, more)).toEqual({ encoding, certain: false, text });
  });

  test('shows terminal escapes and other controls as pictures, if its name or type says that it is text', async () => {
    expect((await read('\x1b[31mred\x07\x7f'))?.text).toBe('␛[31mred␇␡');
    expect(await read('\x1b[31mred', { isDeclared: false })).toBeUndefined();
  });

  test('is read in another encoding on request', async () => {
    const found = await readTextFile(new Blob([latin('\xe9\xe8')]), { isDeclared: true, language: 'en' });
    expect(['windows-1252', 'windows-1251'].map((encoding) => found?.decode(encoding))).toEqual(['éè', 'йи']);
  });

  test('of more than the limit is cut, also within a character', async () => {
    const found = await readTextFile(new Blob(['x', '漢'.repeat(maxTextBytes / 2)]), {
      isDeclared: true,
      language: 'en',
    });
    expect(found).toMatchObject({ truncated: true, encoding: 'utf-8' });
    expect(found?.decode('utf-8')).toBe(`x${'漢'.repeat(Math.floor((maxTextBytes - 1) / 3))}`);
  });

  test('without a name or type is text by its bytes alone', async () => {
    expect(await read('all:\n\tmake', { isDeclared: false })).toMatchObject({ encoding: 'utf-8' });
    const long = latin('Gr\xfc\xdfe '.repeat(20));
    expect(await read(long, { isDeclared: false })).toMatchObject({ encoding: 'windows-1252' });
    expect(await read(long.subarray(0, 20), { isDeclared: false })).toBeUndefined();
  });

  test.for<[string, string | Bytes]>([
    ['a zero byte', 'a\0'],
    ['zero bytes on both sides', latin('\0a\0\0b\0\0\0c\0a\xff\xff')],
    ['controls and invalid UTF-8', latin('\xff\x01\x02\xfe')],
    ['UTF-32', joined(latin('\xff\xfe\0\0'), latin('a\0\0\0'))],
    ['half of a character in UTF-16', utf16le('\ufeffa\ud800')],
    ['a PDF', '%PDF-1.7'],
    ['a PDF with bytes that are no UTF-8', latin('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n')],
    ['a PDF in UTF-16', utf16le('\ufeff%PDF-1.7')],
    ['PostScript', '%!PS-Adobe'],
    ['RTF', '{\\rtf1'],
  ])('is not: %s', async ([, content]) => {
    expect(await read(content)).toBeUndefined();
  });
});
