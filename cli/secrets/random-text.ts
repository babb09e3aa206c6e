/** Random text, uniformly distributed, by the random generator of the operating system. */
import { randomInt } from 'node:crypto';

const lowers = 'abcdefghijklmnopqrstuvwxyz';

/** The characters that passwords are made of. */
export const characterSets = {
  lower: lowers,
  upper: lowers.toUpperCase(),
  digits: '0123456789',
  symbols: '!#%*+-.=?@_~',
} as const;

export const drawCharacters = (alphabet: string, length: number): string =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');

/**
 * Draws from all sets until at least one character of each is present. The remaining texts stay equally likely;
 * inserting a missing character would bias them.
 * @param sets disjoint, and not more than `length`
 */
export function drawFromEach(sets: readonly string[], length: number): string {
  const alphabet = sets.join('');
  for (;;) {
    const text = drawCharacters(alphabet, length);
    if (sets.every((set) => [...set].some((character) => text.includes(character)))) return text;
  }
}
