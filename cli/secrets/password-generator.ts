/** Generates passwords and passphrases with the operating system's random generator, uniformly distributed. */
import { randomInt } from 'node:crypto';
import { usageError } from '../shell/command-error.ts';
import { characterSets, drawFromEach } from './random-text.ts';

const sets = { ...characterSets, hex: '0123456789abcdef' } as const;
export type CharacterSet = keyof typeof sets;
export const characterSetNames = Object.keys(sets) as readonly CharacterSet[];

/** Characters that people confuse: 0 O o, 1 l I, and so on. */
const ambiguous = /[0Oo1lI5S2Z8B|]/g;

const maxLength = 4096;
/** Less entropy can be guessed offline, so it causes a warning, bits. */
export const recommendedBits = 80;

export interface GeneratedSecret {
  readonly text: string;
  /** Binary logarithm of the number of equally likely results, rounded down. */
  readonly bits: number;
}

export interface PasswordOptions {
  readonly length: number;
  readonly sets: readonly CharacterSet[];
  readonly unambiguous: boolean;
}

/**
 * Draws characters from all sets, with at least one of each. It redraws until each set is present, so the remaining
 * passwords stay equally likely.
 * @throws CommandError usage
 */
export function generatePassword({ length, sets: names, unambiguous }: PasswordOptions): GeneratedSecret {
  const alphabets = names.map((name) => sets[name].replace(unambiguous ? ambiguous : /$^/, ''));
  if (length < alphabets.length || length > maxLength)
    throw usageError(
      `--length must be from ${alphabets.length} to ${maxLength} with these sets. Nothing was generated`,
    );
  const text = drawFromEach(alphabets, length);
  return { text, bits: Math.floor(passwordBits(alphabets, alphabets.join('').length, length)) };
}

/** Entropy with at least one character of each disjoint set, by inclusion and exclusion. */
function passwordBits(alphabets: readonly string[], size: number, length: number): number {
  const total = length * Math.log2(size);
  let share = 1;
  for (let subset = 1; subset < 1 << alphabets.length; subset++) {
    const left = alphabets.filter((_, i) => subset & (1 << i)).reduce((sum, set) => sum + set.length, 0);
    const sign = alphabets.filter((_, i) => subset & (1 << i)).length % 2 === 0 ? 1 : -1;
    share += sign * ((size - left) / size) ** length;
  }
  return total + Math.log2(Math.max(share, Number.MIN_VALUE));
}

/** Draws words from the English list of BIP 39: 2048 common words of 3 to 8 letters, 11 bits each. */
export async function generatePassphrase(words: number, separator: string): Promise<GeneratedSecret> {
  if (words < 1 || words > 100) throw usageError('--words must be from 1 to 100. Nothing was generated');
  const { wordlist } = await import('@scure/bip39/wordlists/english.js');
  const text = Array.from({ length: words }, () => wordlist[randomInt(wordlist.length)]).join(separator);
  return { text, bits: Math.floor(words * Math.log2(wordlist.length)) };
}
