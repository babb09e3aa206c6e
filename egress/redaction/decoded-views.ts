/**
 * Decoded views of a text: the text after undoing percent-encoding, backslash escapes, HTML references,
 * quoted-printable, base64, hexadecimal, lists of bytes, white space and characters that nobody sees, with a mapping back
 * to the source bytes. Encoders differ in which characters they encode, and programs encode twice, so the possible
 * spellings cannot be enumerated; the text is decoded instead.
 */

import { createHash } from 'node:crypto';
import {
  type DecodedView,
  decodeBase64Runs,
  decodeByteLists,
  decodeHexRuns,
  keepTextOnly,
  ViewBuilder,
} from './decoded-runs.ts';
import { isUnseen } from './unseen-characters.ts';

/** Maximum nesting of encodings. */
const maxNesting = 3;

/** Decodes one encoding at a position: the decoded bytes, and the number of encoded bytes. */
type DecodeAt = (
  bytes: Uint8Array,
  at: number,
) => { readonly said: readonly number[]; readonly length: number } | undefined;

/**
 * A text after undoing up to three levels of the percent-encoding, backslash escapes and HTML references that it
 * contains itself; without the text as it is. If an encoder leaves such characters as they are and encodes others, its
 * output decodes to one of these and not to the text.
 */
export function withoutOwnEscapes(text: string): readonly string[] {
  const found = new Set(undoEscapes(viewOf(Buffer.from(text)), maxNesting));
  return [...found].filter((one) => one !== text);
}

function* undoEscapes(view: DecodedView, depth: number): Generator<string> {
  yield Buffer.from(view.bytes).toString();
  if (depth === 0) return;
  for (const read of escapeDecoders) {
    const inner = decodeOnce(view, read);
    if (inner !== undefined) yield* undoEscapes(inner, depth - 1);
  }
}

function viewOf(source: Uint8Array): DecodedView {
  const starts = Uint32Array.from(source, (_, i) => i);
  return { bytes: source, starts, ends: starts.map((start) => start + 1) };
}

/** The text itself, and its views with up to three encodings undone, each also without white space. */
export function* decodedViewsOf(source: Uint8Array): Generator<DecodedView> {
  yield* decodeNested(viewOf(source), maxNesting, new Map());
}

/**
 * @param seen depths by view: encodings that were undone in another order give the same text of the same places, which is
 *   searched and decoded once. The same text of other places is another copy of a value
 */
function* decodeNested(view: DecodedView, depth: number, seen: Map<string, number>): Generator<DecodedView> {
  const id = viewId(view);
  if ((seen.get(id) ?? -1) >= depth) return;
  seen.set(id, depth);
  yield view;
  const dense = decodeOnce(view, skipUnseen);
  if (dense !== undefined) yield dense;
  if (depth === 0) return;
  for (const read of escapeDecoders) {
    const inner = decodeOnce(view, read);
    if (inner !== undefined) yield* decodeNested(inner, depth - 1, seen);
  }
  for (const decodeRuns of [decodeBase64Runs, decodeHexRuns, decodeByteLists]) {
    const inner = decodeRuns(view);
    if (inner === undefined) continue;
    yield inner;
    const denseInner = decodeOnce(inner, skipUnseen);
    if (denseInner !== undefined) yield denseInner;
    // Further encodings are text. Most of a decoded run is not, because ordinary words are also in these alphabets.
    const text = keepTextOnly(inner);
    if (text !== undefined) yield* decodeNested(text, depth - 1, seen);
  }
}

/** The same for views with the same bytes of the same places in the source. */
const viewId = ({ bytes, starts, ends }: DecodedView): string =>
  createHash('sha256').update(bytes).update(starts).update(ends).digest('base64');

/** The view with one encoding undone; undefined if the encoding does not occur. */
function decodeOnce(view: DecodedView, read: DecodeAt): DecodedView | undefined {
  // Decoding never produces more bytes than it consumes.
  const target = new ViewBuilder(view, view.bytes.length);
  let changed = false;
  for (let at = 0; at < view.bytes.length; ) {
    const step = read(view.bytes, at);
    changed ||= step !== undefined;
    const end = at + (step?.length ?? 1);
    for (const byte of step?.said ?? [view.bytes[at] ?? 0]) target.add(byte, at, end - 1);
    at = end;
  }
  return changed ? target.finish() : undefined;
}

/** The next bytes as text, one character per byte. */
const asciiAhead = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length));

const encoder = new TextEncoder();

/** A code point as UTF-8. */
function encodeCodePoint(point: number): number[] {
  return point > 0x10ffff ? [] : [...encoder.encode(String.fromCodePoint(point))];
}

/** `%73` (RFC 3986 section 2.1), and `%u0073` of JavaScript's `escape`. */
const decodePercentEscape: DecodeAt = (bytes, at) => {
  if (bytes[at] !== 0x25) return undefined;
  const [whole, digits, unit] = /^%(?:([0-9a-f]{2})|u([0-9a-f]{4}))/i.exec(asciiAhead(bytes, at, 6)) ?? [];
  if (whole === undefined) return undefined;
  const said = digits === undefined ? encodeCodePoint(Number.parseInt(unit ?? '', 16)) : [Number.parseInt(digits, 16)];
  return { said, length: whole.length };
};

/** `=73` and `=` before a line end: quoted-printable (RFC 2045 section 6.7). */
const decodeQuotedPrintable: DecodeAt = (bytes, at) => {
  if (bytes[at] !== 0x3d) return undefined;
  const [whole, digits] = /^=(?:([0-9A-F]{2})|[ \t]*\r?\n)/.exec(asciiAhead(bytes, at, 8)) ?? [];
  if (whole === undefined) return undefined;
  return { said: digits === undefined ? [] : [Number.parseInt(digits, 16)], length: whole.length };
};

const backslashLetters: Readonly<Record<string, number>> = { b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };

/** A pair of UTF-16 units, or an escape of eight digits. */
function decodeLongEscape(text: string): ReturnType<DecodeAt> {
  const [pair, high, low] = /^\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})/i.exec(text) ?? [];
  if (pair !== undefined && high !== undefined && low !== undefined) {
    const units = String.fromCharCode(Number.parseInt(high, 16), Number.parseInt(low, 16));
    return { said: encodeCodePoint(units.codePointAt(0) ?? 0), length: pair.length };
  }
  const [whole, digits] = /^\\U([0-9A-Fa-f]{8})/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  return { said: encodeCodePoint(Number.parseInt(digits ?? '', 16)), length: whole.length };
}

/** `\u0073`, `\u{73}`, `\U00000073`, `\x73`, `\163`, `\n`, `\/`: JSON (RFC 8259 section 7), and escapes of other languages. */
const decodeBackslashEscape: DecodeAt = (bytes, at) => {
  if (bytes[at] !== 0x5c) return undefined;
  const text = asciiAhead(bytes, at, 12);
  const long = decodeLongEscape(text);
  if (long !== undefined) return long;
  const [unicode, four, braces, two, octal] =
    /^\\(?:u([0-9a-f]{4})|u\{([0-9a-f]{1,6})\}|x([0-9a-f]{2})|([0-3][0-7]{2}))/i.exec(text) ?? [];
  if (unicode !== undefined) {
    if (two !== undefined) return { said: [Number.parseInt(two, 16)], length: unicode.length };
    if (octal !== undefined) return { said: [Number.parseInt(octal, 8)], length: unicode.length };
    return { said: encodeCodePoint(Number.parseInt(four ?? braces ?? '', 16)), length: unicode.length };
  }
  const escaped = bytes[at + 1];
  if (escaped === undefined) return undefined;
  return { said: [backslashLetters[String.fromCharCode(escaped)] ?? escaped], length: 2 };
};

/** Named HTML references for ASCII characters other than letters and digits (HTML Standard, section 13.5). */
const htmlEntities = new Map(Object.entries({
  amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', excl: '!', num: '#', dollar: '$', percnt: '%', lpar: '(', rpar: ')',
  ast: '*', midast: '*', plus: '+', comma: ',', period: '.', sol: '/', colon: ':', semi: ';', equals: '=', quest: '?', commat: '@',
  lsqb: '[', lbrack: '[', bsol: '\\', rsqb: ']', rbrack: ']', hat: '^', lowbar: '_', underbar: '_', grave: '`', diacriticalgrave: '`',
  lcub: '{', lbrace: '{', verbar: '|', vert: '|', verticalline: '|', rcub: '}', rbrace: '}', newline: '\n', tab: '\t', hyphen: '-', dash: '-',
  ensp: ' ', emsp: ' ', thinsp: ' ', nobreak: '\u2060', zerowidthspace: '\u200b', zwj: '\u200d', zwnj: '\u200c', shy: '\u00ad',
})); // biome-ignore format: a table

/** `&#115;`, `&#x73;`, `&amp;`, with or without the semicolon. Also doubled quotes, as in CSV and SQL. */
const decodeHtmlReference: DecodeAt = (bytes, at) => {
  const byte = bytes[at] ?? 0;
  if ((byte === 0x22 || byte === 0x27) && bytes[at + 1] === byte) return { said: [byte], length: 2 };
  if (bytes[at] !== 0x26) return undefined;
  const [whole, decimal, hex, name] =
    /^&(?:#0*(\d{1,7})|#x0*([0-9a-f]{1,6})|([a-z]{2,16})(?=;));?/i.exec(asciiAhead(bytes, at, 24)) ?? [];
  if (whole === undefined) return undefined;
  const point = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
  const said =
    name === undefined
      ? encodeCodePoint(point)
      : encodeCodePoint(htmlEntities.get(name.toLowerCase())?.codePointAt(0) ?? 0x11_0000);
  return said.length === 0 ? undefined : { said, length: whole.length };
};

/**
 * Skips white space and what nobody sees: in lines of base64, groups of hexadecimal digits, or between parts of a value;
 * and the zeros of UTF-16.
 */
const skipUnseen: DecodeAt = (bytes, at) => {
  const byte = bytes[at] ?? 0;
  if (byte === 0 || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) return { said: [], length: 1 };
  if (byte < 0xc2) return undefined;
  const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
  const character = Buffer.from(bytes.subarray(at, at + length)).toString();
  return isUnseen(character) ? { said: [], length } : undefined;
};

const escapeDecoders: readonly DecodeAt[] = [
  decodePercentEscape,
  decodeBackslashEscape,
  decodeHtmlReference,
  decodeQuotedPrintable,
];
