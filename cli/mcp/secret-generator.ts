/** Secrets made here, by the operating system's generator, each equally likely. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { ToolRefusal } from './tool-refusal.ts';

export const secretKinds = ['password', 'hex', 'base64url', 'uuid'] as const;
export type SecretKind = (typeof secretKinds)[number];

export const maxSecretLength = 512;
/** Bits that cannot be guessed, offline neither. */
const minEntropyBits = 96;

const lowers = 'abcdefghijklmnopqrstuvwxyz';
const digits = '0123456789';
const punctuation = '!#%*+-.=?@_~';
const characterClasses = [lowers, lowers.toUpperCase(), digits, punctuation];

const defaultLengths: Readonly<Record<Exclude<SecretKind, 'uuid'>, number>> = { password: 32, hex: 64, base64url: 43 };

export interface SecretSpecification {
  readonly kind: SecretKind;
  /** Characters. */
  readonly length?: number | undefined;
  /** Characters of a password to choose from, each once; by default letters, digits and marks, with one of each kind at least. */
  readonly alphabet?: string | undefined;
}

/** @throws Refusal when it would be too easy to guess, or the wishes do not go together */
export function generateRandomSecret({ kind, length, alphabet }: SecretSpecification): string {
  if (alphabet !== undefined && kind !== 'password') throw new ToolRefusal('alphabet goes with kind password only');
  if (kind === 'uuid') {
    if (length !== undefined) throw new ToolRefusal('A uuid has a length of its own');
    return randomUUID();
  }
  const characters = length ?? defaultLengths[kind];
  if (kind === 'hex' || kind === 'base64url') {
    assertEntropy(characters * (kind === 'hex' ? 4 : 6));
    return randomBytes(characters).toString(kind).slice(0, characters);
  }
  if (alphabet === undefined) {
    assertEntropy(characters * Math.log2(characterClasses.join('').length));
    return drawWithAllClasses(characters);
  }
  if (!/^[\x21-\x7e]+$/.test(alphabet) || new Set(alphabet).size < alphabet.length) {
    throw new ToolRefusal('alphabet must be visible ASCII characters, each once');
  }
  assertEntropy(characters * Math.log2(alphabet.length));
  return drawCharacters(alphabet, characters);
}

function assertEntropy(bits: number): void {
  if (bits < minEntropyBits) {
    throw new ToolRefusal(
      `That would be ${Math.floor(bits)} random bits; at least ${minEntropyBits} are made. Ask for more characters`,
    );
  }
}

/** Drawn anew until one of each class is there: those left are equally likely, which putting one in would spoil. */
function drawWithAllClasses(length: number): string {
  for (;;) {
    const text = drawCharacters(characterClasses.join(''), length);
    if (characterClasses.every((set) => [...set].some((character) => text.includes(character)))) return text;
  }
}

const drawCharacters = (alphabet: string, length: number): string =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
