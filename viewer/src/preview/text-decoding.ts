/**
 * Decides whether a file is text, and in which encoding: by its byte order mark, as valid UTF-8, by the zero bytes of
 * UTF-16, or by a guess among older encodings, which the reader can change. Use the text only with `textContent`,
 * because it may be HTML.
 */

/** Maximum bytes of a file that are shown as text; the rest is only in the download. */
export const maxTextBytes = 1_048_576;

/** Encodings to choose from (WHATWG Encoding), with their names for people. */
export const encodings: Readonly<Record<string, string>> = {
  'utf-8': 'Unicode (UTF-8)',
  'utf-16le': 'Unicode (UTF-16, little-endian)',
  'utf-16be': 'Unicode (UTF-16, big-endian)',
  'windows-1252': 'Western European (Latin-1, Windows-1252)',
  'iso-8859-15': 'Western European with € (Latin-9)',
  'windows-1250': 'Central European (Windows-1250)',
  'iso-8859-2': 'Central European (Latin-2)',
  'windows-1251': 'Cyrillic (Windows-1251)',
  'koi8-u': 'Cyrillic (KOI8)',
  ibm866: 'Cyrillic (DOS)',
  'windows-1253': 'Greek (Windows-1253)',
  'windows-1254': 'Turkish (Windows-1254)',
  'windows-1255': 'Hebrew (Windows-1255)',
  'windows-1256': 'Arabic (Windows-1256)',
  'windows-1257': 'Baltic (Windows-1257)',
  'windows-1258': 'Vietnamese (Windows-1258)',
  'windows-874': 'Thai (Windows-874)',
  shift_jis: 'Japanese (Shift-JIS)',
  'euc-jp': 'Japanese (EUC-JP)',
  'iso-2022-jp': 'Japanese (ISO-2022-JP)',
  gb18030: 'Chinese, simplified (GB 18030)',
  big5: 'Chinese, traditional (Big5)',
  'euc-kr': 'Korean (EUC-KR)',
  macintosh: 'Western European (Mac OS)',
};

export interface TextFile {
  /** Name of the encoding in {@link encodings}. */
  readonly encoding: string;
  /** Whether the encoding follows from the bytes. Otherwise it is a guess. */
  readonly certain: boolean;
  /** Whether only the beginning of the file was read. */
  readonly truncated: boolean;
  /** The text in an encoding, with control characters as pictures. */
  decode(encoding: string): string;
}

/** Shorter files in an older encoding count as text only if their name or type says so. */
const minUndeclaredBytes = 64;
/** Shorter files without a byte order mark do not count as UTF-16. */
const minUtf16Bytes = 8;
/** Formats whose files can consist of text, but are programs for a page or printer. */
const documentMagic = /^(?:%PDF-|%!PS|\{\\rtf)/;
/** Control characters other than tab, line feed, vertical tab, form feed and carriage return. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches these characters on purpose
const controlCharacters = /[\0-\x08\x0e-\x1f\x7f-\x9f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches these characters on purpose
const c0Controls = /[\0-\x08\x0e-\x1f\x7f]/g;

/**
 * The text of a file; undefined if it is no text.
 * @param isDeclared whether the name or the media type says that it is text. Logs can then contain terminal escapes
 * @param language language of the browser, which decides between encodings that the bytes do not distinguish
 */
export async function readTextFile(
  file: Blob,
  { isDeclared, charset, language }: { isDeclared: boolean; charset?: string | undefined; language: string },
): Promise<TextFile | undefined> {
  const bytes = new Uint8Array(await file.slice(0, maxTextBytes).arrayBuffer());
  const truncated = file.size > maxTextBytes;
  const found = detectEncoding(bytes, { truncated, isDeclared, charset, language });
  if (found === undefined) return undefined;
  const decode = (encoding: string) => showControls(new TextDecoder(encoding).decode(bytes, { stream: truncated }));
  return documentMagic.test(decode(found.encoding)) ? undefined : { ...found, truncated, decode };
}

/** Control pictures (U+2400) in place of controls, so that nothing in a text is hidden. */
const showControls = (text: string): string =>
  text.replace(c0Controls, (control) =>
    control === '\x7f' ? '␡' : String.fromCharCode(0x2400 + control.charCodeAt(0)),
  );

/** Hiragana and katakana: in nearly all texts in Japanese, and in no others. */
const kana = /[\u3040-\u30ff]/;

interface Circumstances {
  readonly truncated: boolean;
  readonly isDeclared: boolean;
  readonly charset: string | undefined;
  readonly language: string;
}

type Found = Pick<TextFile, 'encoding' | 'certain'>;
type TryDecode = (encoding: string) => string | undefined;

function detectEncoding(bytes: Uint8Array<ArrayBuffer>, circumstances: Circumstances): Found | undefined {
  const { truncated, isDeclared } = circumstances;
  const tryDecode: TryDecode = (encoding) => {
    try {
      return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: truncated });
    } catch {
      return undefined;
    }
  };
  const marked = encodingOfMark(bytes);
  if (marked !== undefined) return isPlain(tryDecode(marked)) ? { encoding: marked, certain: true } : undefined;
  const utf8 = tryDecode('utf-8');
  if (utf8 !== undefined && !utf8.includes('\0')) {
    // The encoding of mail in Japanese consists of ASCII characters and escapes.
    const hasEscape = utf8.includes('\x1b$') || utf8.includes('\x1b(');
    if (hasEscape && kana.test(tryDecode('iso-2022-jp') ?? '')) return { encoding: 'iso-2022-jp', certain: false };
    return isDeclared || isPlain(utf8) ? { encoding: 'utf-8', certain: true } : undefined;
  }
  if (bytes.includes(0)) return detectUtf16(bytes, tryDecode);
  return detectLegacyEncoding(bytes, tryDecode, circumstances);
}

/** The encoding of a byte order mark. The mark of UTF-32, which no browser decodes, begins like that of UTF-16. */
function encodingOfMark([first, second, third, fourth]: Uint8Array): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  return first === 0xff && second === 0xfe && !(third === 0 && fourth === 0) ? 'utf-16le' : undefined;
}

/** Text in older encodings has no control characters; other files of some length always have. */
function detectLegacyEncoding(
  bytes: Uint8Array,
  tryDecode: TryDecode,
  { isDeclared, charset, language }: Circumstances,
): Found | undefined {
  const isControl = (byte: number) => byte < 32 && (byte < 9 || byte > 13) && !(isDeclared && byte === 27);
  if (bytes.some(isControl) || (!isDeclared && bytes.length < minUndeclaredBytes)) return undefined;
  const declared = charset?.toLowerCase() ?? '';
  const isKnown = Object.hasOwn(encodings, declared);
  return { encoding: isKnown ? declared : guessEncoding(bytes, tryDecode, language), certain: false };
}

const isPlain = (text: string | undefined): boolean => text !== undefined && !controlCharacters.test(text);

/** UTF-16 without a mark: most characters of most texts have a zero byte on the same side. */
function detectUtf16(bytes: Uint8Array, tryDecode: TryDecode): Found | undefined {
  const zeros: [even: number, odd: number] = [0, 0];
  bytes.forEach((byte, at) => {
    if (byte === 0) zeros[at % 2 === 0 ? 0 : 1] += 1;
  });
  const [even, odd] = zeros;
  if (bytes.length < minUtf16Bytes) return undefined;
  const encoding = odd > even ? 'utf-16le' : 'utf-16be';
  if (Math.min(even, odd) > Math.max(even, odd) / 10) return undefined;
  return isPlain(tryDecode(encoding)) ? { encoding, certain: false } : undefined;
}

/** Encoding of texts in a language, where the bytes of several encodings look alike. */
const encodingOfLanguage: Readonly<Record<string, string>> = {
  ...{ ja: 'shift_jis', ko: 'euc-kr', zh: 'gb18030', ru: 'windows-1251', uk: 'windows-1251', bg: 'windows-1251' },
  ...{ sr: 'windows-1251', el: 'windows-1253', tr: 'windows-1254', he: 'windows-1255', ar: 'windows-1256' },
  ...{ fa: 'windows-1256', ur: 'windows-1256', lt: 'windows-1257', lv: 'windows-1257', et: 'windows-1257' },
  ...{ vi: 'windows-1258', th: 'windows-874', pl: 'windows-1250', cs: 'windows-1250', sk: 'windows-1250' },
  ...{ hu: 'windows-1250', ro: 'windows-1250', hr: 'windows-1250', sl: 'windows-1250' },
};

function guessEncoding(bytes: Uint8Array, tryDecode: TryDecode, language: string): string {
  /** The share of characters beyond ASCII that match; 0 if the bytes are invalid. */
  const share = (encoding: string, pattern: RegExp): number => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
    const others = [...(tryDecode(encoding) ?? '').replace(/[\x00-\x7f]/g, '')];
    return others.length === 0 ? 0 : others.filter((character) => pattern.test(character)).length / others.length;
  };
  for (const japanese of ['shift_jis', 'euc-jp']) if (share(japanese, kana) > 0.15) return japanese;
  const [tag = ''] = language.toLowerCase().split('-');
  // Western letters beyond ASCII are single; those of other scripts follow each other.
  let [high, grouped] = [0, 0];
  bytes.forEach((byte, at) => {
    if (byte < 0x80) return;
    high += 1;
    if ((bytes[at - 1] ?? 0) >= 0x80 || (bytes[at + 1] ?? 0) >= 0x80) grouped += 1;
  });
  if (grouped / high < 0.6) return ['pl', 'cs', 'sk', 'hu', 'tr', 'ro', 'vi'].includes(tag) ? of(tag) : 'windows-1252';
  const own = of(tag);
  const candidates: [encoding: string, share: number][] = [
    ['euc-kr', share('euc-kr', /[\uac00-\ud7a3]/)],
    ['gb18030', share('gb18030', /[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]/)],
    ['big5', share('big5', /[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]/)],
    ['windows-1251', share('windows-1251', /[а-яё]/) * 0.95],
    ['koi8-u', share('koi8-u', /[а-яё]/) * 0.95],
  ];
  // Single-byte encodings decode everything, so only the language speaks for them.
  const isOwnLikely = candidates.find(([encoding]) => encoding === own)?.[1] ?? (own === 'windows-1252' ? 0 : 1);
  if (isOwnLikely > 0.6) return own;
  const [best] = candidates.sort(([, one], [, other]) => other - one);
  return best !== undefined && best[1] > 0.6 ? best[0] : own;
}

const of = (language: string): string => encodingOfLanguage[language] ?? 'windows-1252';
