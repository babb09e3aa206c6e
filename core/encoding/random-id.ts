import { randomBytes } from 'node:crypto';

/** Lower-case Crockford base32: no vowel-like look-alikes, safe in URLs, file names and DynamoDB keys. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** A random id of 16 characters, 80 bits: for organizations and API keys. Ids are opaque and never secret. */
export function randomId(): string {
  let id = '';
  // 256 is a multiple of 32, so taking five bits of each byte is unbiased.
  for (const byte of randomBytes(16)) id += alphabet.charAt(byte & 31);
  return id;
}

/** Whether a text could be an id. Ids of other alphabets are accepted: a stranger's writer may use all of base36. */
export const isOpaqueId = (text: string): boolean => /^[0-9a-z]{16}$/.test(text);
