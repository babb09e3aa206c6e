import { randomBytes } from 'node:crypto';
import { crockfordAlphabet } from './crockford-base32.ts';

/** A random id of 16 characters (80 bits) for organizations and API keys. Ids are opaque and never secret. */
export function randomId(): string {
  let id = '';
  // 256 is a multiple of 32, so the low five bits of a random byte are unbiased.
  for (const byte of randomBytes(16)) id += crockfordAlphabet.charAt(byte & 31);
  return id;
}

/**
 * Whether a text has the form of an id. All of base36 is accepted, because another implementation may use it for its
 * ids.
 */
export const isOpaqueId = (text: string): boolean => /^[0-9a-z]{16}$/.test(text);
