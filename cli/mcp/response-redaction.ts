/**
 * Takes the values that a request used out of what came back: whole or in fragments, in every form of cli/secrets/encoded-forms.ts, in either case, and read through
 * every encoding of views.ts. What a server does to a value beyond encodings (encryption, compression, reversal) is not found.
 */
import { AhoCorasickAutomaton } from '../secrets/aho-corasick.ts';
import { encodedFormsOf } from '../secrets/encoded-forms.ts';
import { concealedMarker } from '../secrets/stream-masking.ts';
import { decodedViewsOf } from './decoded-views.ts';

/** Characters of a value that are taken out although the rest is missing, for values of `fragmented` and more. */
const fragmentLength = 12;
const minFragmentedLength = 16;
/** A fragment says nothing when it has fewer different characters: indentation, the dashes around a PEM block. */
const minDistinctCharacters = 6;

/** Bytes beyond a limit that must be known for what stands before it to be judged: a fragment as `&#x00000073;` each. */
export const redactionLookAhead = 512;

const toAsciiLowerCase = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);
const withoutSpace = (text: string): string => text.replace(/[\t-\r ]/g, '');

export class ResponseRedactor {
  readonly #automaton: AhoCorasickAutomaton;

  constructor(values: Iterable<string>) {
    const patterns = new Map<string, Uint8Array>();
    for (const value of new Set(values)) {
      for (const pattern of redactionPatterns(value)) {
        const folded = pattern.map(toAsciiLowerCase);
        patterns.set(Buffer.from(folded).toString('latin1'), folded);
      }
    }
    this.#automaton = new AhoCorasickAutomaton(patterns.values());
  }

  /** The bytes without the values, up to a limit; those beyond it are looked at and not told. */
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

  /** 1 for each byte that says a part of a value. */
  #markOccurrences(source: Uint8Array): Uint8Array {
    const hidden = new Uint8Array(source.length);
    const automaton = this.#automaton;
    for (const { bytes, starts, ends } of decodedViewsOf(source)) {
      let state = 0;
      for (let i = 0; i < bytes.length; i++) {
        state = automaton.nextState(state, toAsciiLowerCase(bytes[i] ?? 0));
        const length = automaton.longestMatchAt(state);
        if (length > 0) hidden.fill(1, starts[i - length + 1], ends[i]);
      }
    }
    return hidden;
  }
}

function redactionPatterns(value: string): Buffer[] {
  // As it stands; where a form has its spaces as +; and where white space was taken out of the view.
  const spellings = [...new Set([value, value.replaceAll(' ', '+'), withoutSpace(value)])];
  return [
    ...spellings.flatMap((spelling) => encodedFormsOf(spelling, { includeFullyEscaped: true })),
    ...fragmentPatterns(value),
  ];
}

/** The value in pieces, by itself, in base64 and in hexadecimal. */
function fragmentPatterns(value: string): Buffer[] {
  const characters = [...value];
  if (characters.length < minFragmentedLength) return [];
  const bytes = Buffer.from(value);
  const base64 = [0, 1, 2].flatMap((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // The first and last characters also hold bits of what stands beside the value.
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
    .filter((piece) => new Set(piece.filter((character) => /\S/.test(character))).size >= minDistinctCharacters)
    .map((piece) => piece.join(''));
}
