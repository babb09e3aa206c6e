/**
 * Takes a secret out of a JSON body without making a string of it. A string cannot be zeroed: it would stay in memory
 * until a garbage collection, and in a heap dump.
 */
import { damagedReply } from './http-exchange.ts';

const alphabet = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
/** The value of each base64 character by its code; 255 for all others. */
const values = new Uint8Array(256).fill(255);
for (const [value, code] of alphabet.entries()) values[code] = value;

const [quote, backslash, padding, space] = Buffer.from('"\\= ');

/**
 * Decodes a base64 member and overwrites it in the body with spaces; undefined if the body has no such member.
 * @throws ExchangeError
 */
export function takeSecret(body: Buffer, name: string): Buffer | undefined {
  const start = valueStart(body, name);
  if (start === undefined) return undefined;
  const end = body.indexOf(quote ?? 0, start);
  if (end === -1) throw damagedReply();
  const text = body.subarray(start, end);
  // Not from the pool of Buffer.from, whose memory is shared.
  const secret = Buffer.alloc(Math.floor((countCharacters(text) * 6) / 8));
  decodeBase64(text, secret);
  text.fill(space ?? 0);
  return secret;
}

/** Position after the opening quotation mark of the member's value. */
function valueStart(body: Buffer, name: string): number | undefined {
  const key = body.indexOf(`"${name}"`);
  if (key === -1) return undefined;
  const opening = body.indexOf(quote ?? 0, key + name.length + 2);
  // Only a colon and white space may stand in between. Anything else is a value of another type.
  const between = body.subarray(key + name.length + 2, opening).toString();
  return opening !== -1 && /^\s*:\s*$/.test(between) ? opening + 1 : undefined;
}

/** JSON may write a slash as `\/`. */
const isSkipped = (code: number): boolean => code === backslash || code === padding;

function countCharacters(text: Buffer): number {
  let count = 0;
  for (const code of text) if (!isSkipped(code)) count += 1;
  return count;
}

function decodeBase64(text: Buffer, target: Buffer): void {
  let [bits, size, at] = [0, 0, 0];
  for (const code of text) {
    if (isSkipped(code)) continue;
    const value = values[code] ?? 255;
    if (value === 255) throw damagedReply();
    bits = ((bits << 6) | value) & 0xffff;
    size += 6;
    if (size >= 8) {
      size -= 8;
      target[at++] = bits >> size;
    }
  }
}
