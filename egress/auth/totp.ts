/** Time-based one-time codes (RFC 6238). */
import { createHmac } from 'node:crypto';
import { UseRefusal } from '../refusals/use-refusal.ts';

export interface TotpOptions {
  readonly digits: 6 | 8;
  /** Seconds. */
  readonly period: number;
  readonly algorithm: 'SHA1' | 'SHA256' | 'SHA512';
}

/** The code of a moment. @param secret base32 (RFC 4648 section 6), with or without padding and spaces */
export function totpCode(secret: string, { digits, period, algorithm }: TotpOptions, now: Date): string {
  const key = decodeBase32(secret);
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(now.getTime() / 1000 / period)));
  const mac = createHmac(algorithm, key).update(counter).digest();
  key.fill(0);
  // Dynamic truncation (RFC 4226 section 5.3).
  const offset = (mac.at(-1) ?? 0) & 0xf;
  const number = mac.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 10 ** digits).padStart(digits, '0');
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** @throws UseRefusal value_unusable */
function decodeBase32(text: string): Buffer {
  const digits = text.toUpperCase().replace(/[\s-]/g, '').replace(/=+$/, '');
  if (!/^[A-Z2-7]+$/.test(digits)) throw new UseRefusal('The secret of totp is not base32', 'value_unusable');
  const key = Buffer.alloc(Math.floor((digits.length * 5) / 8));
  let bits = 0;
  let value = 0;
  let at = 0;
  for (const digit of digits) {
    value = ((value << 5) | alphabet.indexOf(digit)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    key[at++] = (value >> bits) & 0xff;
  }
  return key;
}
