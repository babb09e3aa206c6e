/**
 * Removes the values that a request used from its response: whole or in fragments, in every form of
 * encoded-forms.ts, in upper or lower case, and through every encoding of decoded-views.ts. Values that a
 * server transforms in other ways (encryption, compression, reversal) are not found.
 */
import { AhoCorasickAutomaton } from './aho-corasick.ts';
import { concealedMarker } from './concealed-marker.ts';
import type { DecodedView } from './decoded-runs.ts';
import { decodedViewsOf, withoutOwnEscapes } from './decoded-views.ts';
import { encodedFormsOf } from './encoded-forms.ts';

/** Length of fragments that are removed on their own, characters, for values of at least `fragmented` characters. */
const fragmentLength = 12;
const minFragmentedLength = 16;
/**
 * Fragments with fewer distinct characters are ignored, because they are not specific: indentation, or the dashes of a
 * PEM block.
 */
const minDistinctCharacters = 6;

/**
 * Bytes that must be read beyond a limit to decide about the bytes before it: one fragment, encoded as `&#x00000073;`
 * per character.
 */
export const redactionLookAhead = 512;

const toAsciiLowerCase = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);
const withoutSpace = (text: string): string => text.replace(/[\t-\r ]/g, '');

export class ResponseRedactor {
  readonly #automata: readonly AhoCorasickAutomaton[];

  /** @param base searches for its values too, without building their patterns again */
  constructor(values: Iterable<string>, base?: ResponseRedactor) {
    const patterns = new Map<string, Uint8Array>();
    for (const value of new Set(values)) {
      for (const pattern of redactionPatterns(value)) {
        const folded = pattern.map(toAsciiLowerCase);
        patterns.set(Buffer.from(folded).toString('latin1'), folded);
      }
    }
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

function redactionPatterns(value: string): Buffer[] {
  // The value itself, with `+` for spaces as in forms, and without white space as in stripped views.
  const texts = [value, ...nonAsciiSpellings(value), ...withoutOwnEscapes(value).filter(isSpecific)];
  const spellings = new Set([...texts, value.replaceAll(' ', '+'), withoutSpace(value)]);
  return [
    ...[...spellings].flatMap((spelling) => encodedFormsOf(spelling, { includeFullyEscaped: true })),
    ...texts.flatMap(fragmentPatterns),
    ...singleBytePatterns(value),
  ];
}

const isAscii = (text: string): boolean => [...text].every((character) => character < '\u0080');

/**
 * Spellings of a value with characters beyond ASCII: its UTF-8 read as Latin-1 or Windows-1252 and encoded again, and
 * its case changed, because patterns are compared without the case of ASCII letters only.
 */
function nonAsciiSpellings(value: string): string[] {
  if (isAscii(value)) return [];
  const bytes = Buffer.from(value);
  return [
    bytes.toString('latin1'),
    new TextDecoder('windows-1252').decode(bytes),
    value.toLowerCase(),
    value.toUpperCase(),
  ];
}

/**
 * The value in Latin-1 and Windows-1252, as in headers (RFC 9110 section 5.5). Characters that these do not have are
 * replaced with `?`, as encoders do.
 */
function singleBytePatterns(value: string): Buffer[] {
  if (isAscii(value)) return [];
  return [latin1Bytes, windows1252Bytes].flatMap((table) => {
    const bytes = [...value].map((character) => table.get(character) ?? 0x3f);
    const fragments = Array.from({ length: Math.max(0, bytes.length - fragmentLength + 1) }, (_, i) =>
      bytes.slice(i, i + fragmentLength),
    ).filter((piece) => bytes.length >= minFragmentedLength && new Set(piece).size >= minDistinctCharacters);
    return [bytes, ...fragments].map((one) => Buffer.from(one));
  });
}

const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const byteTable = (characters: string): ReadonlyMap<string, number> =>
  new Map([...characters].map((character, byte) => [character, byte]));
const latin1Bytes = byteTable(allBytes.toString('latin1'));
const windows1252Bytes = byteTable(new TextDecoder('windows-1252').decode(allBytes));

/** Fragments of the value, in plain text, base64 and hexadecimal. */
function fragmentPatterns(value: string): Buffer[] {
  const characters = [...value];
  if (characters.length < minFragmentedLength) return [];
  const bytes = Buffer.from(value);
  const base64 = [0, 1, 2].flatMap((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // The first and last characters also contain bits of the adjacent bytes.
    const own = whole.slice(before === 0 ? 0 : before + 1, Math.floor(((before + bytes.length) * 8) / 6));
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
  return [
    ...slidingFragments(characters, fragmentLength),
    ...slidingFragments([...withoutSpace(value)], fragmentLength),
    ...base64.flatMap((text) => slidingFragments([...text], (fragmentLength * 4) / 3)),
    ...slidingFragments([...bytes.toString('hex')], fragmentLength * 2),
  ].map((piece) => Buffer.from(piece));
}

function slidingFragments(characters: readonly string[], length: number): string[] {
  return Array.from({ length: Math.max(0, characters.length - length + 1) }, (_, i) => characters.slice(i, i + length))
    .map((piece) => piece.join(''))
    .filter(isSpecific);
}

/** Whether a text has enough distinct characters other than white space. */
const isSpecific = (text: string): boolean =>
  new Set([...text].filter((character) => /\S/.test(character))).size >= minDistinctCharacters;
