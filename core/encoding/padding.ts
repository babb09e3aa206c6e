/**
 * Padmé padding (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", PETS
 * 2019, section 4), with a minimum. A length then reveals O(log log n) bits, for at most 12 % more bytes.
 */
import type { Bytes } from './bytes.ts';

/** Most short records have the same length with it. */
const minPaddedLength = 256;

/** The padded length of a plaintext of `length` bytes. */
export function paddedLength(length: number): number {
  if (length <= minPaddedLength) return minPaddedLength;
  const exponent = 31 - Math.clz32(length);
  const mantissaBits = 32 - Math.clz32(exponent);
  const step = 2 ** (exponent - mantissaBits);
  return Math.ceil(length / step) * step;
}

/** Appends zero bytes. */
export function pad(bytes: Uint8Array): Bytes {
  const padded = new Uint8Array(paddedLength(bytes.length));
  padded.set(bytes);
  return padded;
}
