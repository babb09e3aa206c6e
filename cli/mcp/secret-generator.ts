/** Generates secrets with the operating system's random generator, uniformly distributed. */
import { randomBytes, randomUUID } from 'node:crypto';
import { characterSets, drawCharacters, drawFromEach } from '../secrets/random-text.ts';
import { ToolRefusal } from './tool-refusal.ts';

export const secretKinds = ['password', 'hex', 'base64url', 'uuid'] as const;
export type SecretKind = (typeof secretKinds)[number];

export const maxSecretLength = 512;
/** Minimum entropy that resists guessing, even offline, bits. */
const minEntropyBits = 96;

const characterClasses = Object.values(characterSets);

const defaultLengths: Readonly<Record<Exclude<SecretKind, 'uuid'>, number>> = { password: 32, hex: 64, base64url: 43 };

export interface SecretSpecification {
  readonly kind: SecretKind;
  /** Length in characters. */
  readonly length?: number | undefined;
  /**
   * Alphabet of a password, without duplicates. Default: letters, digits and symbols, with at least one of each kind.
   */
  readonly alphabet?: string | undefined;
}

/** @throws ToolRefusal if the secret would be too easy to guess, or the options contradict each other */
export function generateRandomSecret({ kind, length, alphabet }: SecretSpecification): string {
  if (alphabet !== undefined && kind !== 'password') throw new ToolRefusal('alphabet requires kind password');
  if (kind === 'uuid') {
    if (length !== undefined) throw new ToolRefusal('length must not be given for a uuid');
    return randomUUID();
  }
  const characters = length ?? defaultLengths[kind];
  if (kind === 'hex' || kind === 'base64url') {
    assertEntropy(characters * (kind === 'hex' ? 4 : 6));
    return randomBytes(characters).toString(kind).slice(0, characters);
  }
  if (alphabet === undefined) {
    assertEntropy(characters * Math.log2(characterClasses.join('').length));
    return drawFromEach(characterClasses, characters);
  }
  if (!/^[\x21-\x7e]+$/.test(alphabet) || new Set(alphabet).size < alphabet.length) {
    throw new ToolRefusal('alphabet must consist of distinct visible ASCII characters');
  }
  assertEntropy(characters * Math.log2(alphabet.length));
  return drawCharacters(alphabet, characters);
}

function assertEntropy(bits: number): void {
  if (bits < minEntropyBits) {
    throw new ToolRefusal(
      `That would be only ${Math.floor(bits)} random bits; at least ${minEntropyBits} are required. Request more characters`,
    );
  }
}
