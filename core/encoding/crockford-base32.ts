/** Crockford base32, most significant bit first, for byte strings whose bit length is a multiple of 5. */
import { toAsciiLowerCase } from './ascii-case.ts';
import type { Bytes } from './bytes.ts';

/** Without the easily confused i, l, o and u. Safe in URLs, file names and DynamoDB keys. */
export const crockfordAlphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** Lower-case characters, 5 bits each. @throws RangeError unless the length is a multiple of 5 bytes */
export function toBase32(bytes: Uint8Array): string {
  if (bytes.length % 5 !== 0) throw new RangeError('base32 needs a multiple of 5 bytes');
  let text = '';
  let group = 0;
  let bits = 0;
  for (const byte of bytes) {
    group = ((group << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += crockfordAlphabet.charAt((group >>> bits) & 31);
    }
  }
  return text;
}

/** The inverse of {@link toBase32}; undefined for any other character or length. */
export function fromBase32(text: string): Bytes | undefined {
  if (text.length % 8 !== 0) return undefined;
  const bytes = new Uint8Array((text.length / 8) * 5);
  let group = 0;
  let bits = 0;
  let at = 0;
  for (const character of text) {
    const digit = crockfordAlphabet.indexOf(character);
    if (digit < 0) return undefined;
    group = ((group << 5) | digit) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (group >>> bits) & 0xff;
    }
  }
  return bytes;
}

/** Groups of four, in upper case, joined by hyphens: the form that people read. */
export const toCodeGroups = (text: string): string => (text.match(/.{1,4}/g) ?? []).join('-').toUpperCase();

/**
 * Normalizes a typed code: white space, hyphens and the case of ASCII letters are ignored, and characters that are
 * easily misread are corrected. The caller checks the length and the alphabet.
 */
export const normalizeTypedCode = (typed: string): string =>
  toAsciiLowerCase(typed).replace(/[\s-]/g, '').replace(/[il]/g, '1').replace(/o/g, '0');
