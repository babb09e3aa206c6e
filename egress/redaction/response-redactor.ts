/**
 * Removes the values that a request used from its response: whole or in blocks, in every form of
 * encoded-forms.ts, in upper or lower case, and through every encoding of decoded-views.ts. Values that a
 * server transforms in other ways (encryption, compression, reversal) are not found.
 */
import { AhoCorasickAutomaton } from './aho-corasick.ts';
import { concealedMarker } from './concealed-marker.ts';
import type { DecodedView } from './decoded-runs.ts';
import { decodedViewsOf, withoutOwnEscapes } from './decoded-views.ts';
import { encodedFormsOf } from './encoded-forms.ts';
import { withoutUnseen } from './unseen-characters.ts';

/**
 * Length of the blocks that are removed on their own, characters, for values of at least two. Every fragment of twice
 * the length less one contains a whole block. Blocks do not overlap: if each fragment of this length were removed, a
 * caller that knows the public beginning of a value could guess the rest character by character, from which of its own
 * texts a host's response conceals. With blocks it must guess all characters of one at once.
 */
const blockLength = 12;
/**
 * Blocks with fewer distinct characters are ignored, because they are not specific: indentation, or the dashes of a
 * PEM block.
 */
const minDistinctCharacters = 6;

/**
 * Bytes that must be read beyond a limit to decide about the bytes before it: one block, encoded as `&#x00000073;`
 * per character.
 */
export const redactionLookAhead = 512;

const toAsciiLowerCase = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);

export class ResponseRedactor {
  readonly #automata: readonly AhoCorasickAutomaton[];

  /**
   * @param base searches for its values too, without building their patterns again
   * @param composed texts that a caller composed with values. They are found only as a whole: it chooses where their
   *   blocks would begin
   */
  constructor(values: Iterable<string>, base?: ResponseRedactor, composed: Iterable<string> = []) {
    const patterns = new Map<string, Uint8Array>();
    const add = (pattern: Buffer) => {
      const folded = pattern.map(toAsciiLowerCase);
      patterns.set(Buffer.from(folded).toString('latin1'), folded);
    };
    for (const value of new Set(values))
      [...wholePatterns(value), ...blocksOf(value).flatMap(blockPatterns)].forEach(add);
    for (const text of new Set(composed)) wholePatterns(text).forEach(add);
    const own = patterns.size === 0 ? [] : [new AhoCorasickAutomaton(patterns.values())];
    this.#automata = [...(base === undefined ? [] : base.#automata), ...own];
  }

  /** The bytes without the values, up to a limit. Bytes beyond the limit are searched but not returned. */
  redactBytes(source: Uint8Array, limit = source.length): Buffer {
    const hidden = this.#markOccurrences(source);
    const parts: Uint8Array[] = [];
    for (let at = 0; at < limit; ) {
      const start = at;
      const hide = hidden[at];
      while (at < limit && hidden[at] === hide) at++;
      parts.push(hide === 1 ? Buffer.from(concealedMarker) : source.subarray(start, at));
    }
    return Buffer.concat(parts);
  }

  /** Text without the values. */
  redactText(text: string): string {
    return this.redactBytes(Buffer.from(text)).toString();
  }

  /** Marks each byte that is part of a value with 1. */
  #markOccurrences(source: Uint8Array): Uint8Array {
    const hidden = new Uint8Array(source.length);
    for (const view of decodedViewsOf(source))
      for (const automaton of this.#automata) markView(automaton, view, hidden);
    return hidden;
  }
}

function markView(automaton: AhoCorasickAutomaton, { bytes, starts, ends }: DecodedView, hidden: Uint8Array): void {
  let state = 0;
  for (let i = 0; i < bytes.length; i++) {
    state = automaton.nextState(state, toAsciiLowerCase(bytes[i] ?? 0));
    const length = automaton.longestMatchAt(state);
    if (length > 0) hidden.fill(1, starts[i - length + 1], ends[i]);
  }
}

function wholePatterns(value: string): Buffer[] {
  // The value itself, with `+` for spaces as in forms, and without white space as in dense views.
  const texts = [value, ...nonAsciiSpellings(value), ...withoutOwnEscapes(value).filter(isSpecific)];
  const spellings = new Set([...texts, value.replaceAll(' ', '+'), withoutUnseen(value)]);
  return [
    ...[...spellings].flatMap((spelling) => encodedFormsOf(spelling, { includeFullyEscaped: true })),
    ...singleBytePatterns(value),
  ];
}

const isAscii = (text: string): boolean => [...text].every((character) => character < '\u0080');

/**
 * Spellings of a value with characters beyond ASCII: its UTF-8 read as Latin-1 or Windows-1252 and encoded again, and
 * its case changed, because patterns are compared without the case of ASCII letters only; and the normalization forms
 * of Unicode.
 */
function nonAsciiSpellings(value: string): string[] {
  if (isAscii(value)) return [];
  const bytes = Buffer.from(value);
  return [
    bytes.toString('latin1'),
    new TextDecoder('windows-1252').decode(bytes),
    value.toLowerCase(),
    value.toUpperCase(),
    ...['NFC', 'NFD'].map((form) => value.normalize(form)),
  ];
}

/**
 * The value in Latin-1 and Windows-1252, as in headers (RFC 9110 section 5.5). Characters that these do not have are
 * replaced with `?`, as encoders do.
 */
function singleBytePatterns(value: string): Buffer[] {
  if (isAscii(value)) return [];
  return [latin1Bytes, windows1252Bytes].map((table) =>
    Buffer.from([...value].map((character) => table.get(character) ?? 0x3f)),
  );
}

const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const byteTable = (characters: string): ReadonlyMap<string, number> =>
  new Map([...characters].map((character, byte) => [character, byte]));
const latin1Bytes = byteTable(allBytes.toString('latin1'));
const windows1252Bytes = byteTable(new TextDecoder('windows-1252').decode(allBytes));

/** The blocks of a value without its white space: in views without it, they are found wherever lines were broken. */
function blocksOf(value: string): string[] {
  const characters = [...withoutUnseen(value)];
  const count = Math.floor(characters.length / blockLength);
  if (count < 2) return [];
  return Array.from({ length: count }, (_, i) =>
    characters.slice(i * blockLength, (i + 1) * blockLength).join(''),
  ).filter(isSpecific);
}

/** A block in every spelling, and in base64 of which the case was changed. */
const blockPatterns = (block: string): Buffer[] => [
  ...[block, ...nonAsciiSpellings(block)].map((one) => Buffer.from(one)),
  ...singleBytePatterns(block),
  ...base64Digits(Buffer.from(block)).map((one) => Buffer.from(one)),
];

/** Base64 at every offset, without the first and last digits, which also contain bits of adjacent bytes. */
function base64Digits(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const own = whole.slice(before === 0 ? 0 : before + 1, Math.floor(((before + bytes.length) * 8) / 6));
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

/** Whether a text has enough distinct characters other than white space. */
const isSpecific = (text: string): boolean =>
  new Set([...text].filter((character) => /\S/.test(character))).size >= minDistinctCharacters;
