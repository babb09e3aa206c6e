/** Secrets made here, by the operating system's generator, each equally likely. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { Refusal } from './tool-refusal.ts';

export const kinds = ['password', 'hex', 'base64url', 'uuid'] as const;
export type Kind = (typeof kinds)[number];

export const longestSecret = 512;
/** Bits that cannot be guessed, offline neither. */
const fewestBits = 96;

const lowers = 'abcdefghijklmnopqrstuvwxyz';
const digits = '0123456789';
const marks = '!#%*+-.=?@_~';
const classes = [lowers, lowers.toUpperCase(), digits, marks];

const lengths: Readonly<Record<Exclude<Kind, 'uuid'>, number>> = { password: 32, hex: 64, base64url: 43 };

export interface Wanted {
  readonly kind: Kind;
  /** Characters. */
  readonly length?: number | undefined;
  /** Characters of a password to choose from, each once; by default letters, digits and marks, with one of each kind at least. */
  readonly alphabet?: string | undefined;
}

/** @throws Refusal when it would be too easy to guess, or the wishes do not go together */
export function generate({ kind, length, alphabet }: Wanted): string {
  if (alphabet !== undefined && kind !== 'password') throw new Refusal('alphabet goes with kind password only');
  if (kind === 'uuid') {
    if (length !== undefined) throw new Refusal('A uuid has a length of its own');
    return randomUUID();
  }
  const characters = length ?? lengths[kind];
  if (kind === 'hex' || kind === 'base64url') {
    demandBits(characters * (kind === 'hex' ? 4 : 6));
    return randomBytes(characters).toString(kind).slice(0, characters);
  }
  if (alphabet === undefined) {
    demandBits(characters * Math.log2(classes.join('').length));
    return ofAllClasses(characters);
  }
  if (!/^[\x21-\x7e]+$/.test(alphabet) || new Set(alphabet).size < alphabet.length) {
    throw new Refusal('alphabet must be visible ASCII characters, each once');
  }
  demandBits(characters * Math.log2(alphabet.length));
  return drawn(alphabet, characters);
}

function demandBits(bits: number): void {
  if (bits < fewestBits) {
    throw new Refusal(
      `That would be ${Math.floor(bits)} random bits; at least ${fewestBits} are made. Ask for more characters`,
    );
  }
}

/** Drawn anew until one of each class is there: those left are equally likely, which putting one in would spoil. */
function ofAllClasses(length: number): string {
  for (;;) {
    const text = drawn(classes.join(''), length);
    if (classes.every((set) => [...set].some((character) => text.includes(character)))) return text;
  }
}

const drawn = (alphabet: string, length: number): string =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
