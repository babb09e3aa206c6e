/**
 * Takes the values that a request used out of what came back: whole or in fragments, in every form of cli/secrets/encoded-forms.ts, in either case, and read through
 * every encoding of views.ts. What a server does to a value beyond encodings (encryption, compression, reversal) is not found.
 */
import { Automaton } from '../secrets/aho-corasick.ts';
import { formsOf } from '../secrets/encoded-forms.ts';
import { concealed } from '../secrets/stream-masking.ts';
import { viewsOf } from './decoded-views.ts';

/** Characters of a value that are taken out although the rest is missing, for values of `fragmented` and more. */
const fragment = 12;
const fragmented = 16;
/** A fragment says nothing when it has fewer different characters: indentation, the dashes around a PEM block. */
const fewestDifferent = 6;

/** Bytes beyond a limit that must be known for what stands before it to be judged: a fragment as `&#x00000073;` each. */
export const lookAhead = 512;

const lower = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);
const withoutSpace = (text: string): string => text.replace(/[\t-\r ]/g, '');

export class Echoes {
  readonly #automaton: Automaton;

  constructor(values: Iterable<string>) {
    const patterns = new Map<string, Uint8Array>();
    for (const value of new Set(values)) {
      for (const pattern of patternsOf(value)) {
        const folded = pattern.map(lower);
        patterns.set(Buffer.from(folded).toString('latin1'), folded);
      }
    }
    this.#automaton = new Automaton(patterns.values());
  }

  /** The bytes without the values, up to a limit; those beyond it are looked at and not told. */
  bytes(source: Uint8Array, limit = source.length): Buffer {
    const hidden = this.#hidden(source);
    const parts: Uint8Array[] = [];
    for (let at = 0; at < limit; ) {
      const start = at;
      const hide = hidden[at];
      while (at < limit && hidden[at] === hide) at++;
      parts.push(hide === 1 ? Buffer.from(concealed) : source.subarray(start, at));
    }
    return Buffer.concat(parts);
  }

  /** Text without the values. */
  text(text: string): string {
    return this.bytes(Buffer.from(text)).toString();
  }

  /** 1 for each byte that says a part of a value. */
  #hidden(source: Uint8Array): Uint8Array {
    const hidden = new Uint8Array(source.length);
    const automaton = this.#automaton;
    for (const { bytes, starts, ends } of viewsOf(source)) {
      let state = 0;
      for (let i = 0; i < bytes.length; i++) {
        state = automaton.next(state, lower(bytes[i] ?? 0));
        const length = automaton.match(state);
        if (length > 0) hidden.fill(1, starts[i - length + 1], ends[i]);
      }
    }
    return hidden;
  }
}

function patternsOf(value: string): Buffer[] {
  // As it stands; where a form has its spaces as +; and where white space was taken out of the view.
  const spellings = [...new Set([value, value.replaceAll(' ', '+'), withoutSpace(value)])];
  return [...spellings.flatMap((spelling) => formsOf(spelling, { hostile: true })), ...fragmentsOf(value)];
}

/** The value in pieces, by itself, in base64 and in hexadecimal. */
function fragmentsOf(value: string): Buffer[] {
  const characters = [...value];
  if (characters.length < fragmented) return [];
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
    ...pieces(characters, fragment),
    ...pieces([...withoutSpace(value)], fragment),
    ...base64.flatMap((text) => pieces([...text], (fragment * 4) / 3)),
    ...pieces([...bytes.toString('hex')], fragment * 2),
  ].map((piece) => Buffer.from(piece));
}

function pieces(characters: readonly string[], length: number): string[] {
  return Array.from({ length: Math.max(0, characters.length - length + 1) }, (_, i) => characters.slice(i, i + length))
    .filter((piece) => new Set(piece.filter((character) => /\S/.test(character))).size >= fewestDifferent)
    .map((piece) => piece.join(''));
}
