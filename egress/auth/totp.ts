/** Time-based one-time codes (RFC 6238). */
import { Secret, TOTP } from 'otpauth';
import { UseRefusal } from '../refusals/use-refusal.ts';

export interface TotpOptions {
  readonly digits: 6 | 8;
  /** Seconds. */
  readonly period: number;
  readonly algorithm: 'SHA1' | 'SHA256' | 'SHA512';
}

/**
 * The code of a moment.
 * @param text key in base32 (RFC 4648 section 6), with or without padding, spaces and hyphens
 * @throws UseRefusal value_unusable
 */
export function totpCode(text: string, options: TotpOptions, now: Date): string {
  const secret = parseKey(text);
  try {
    return new TOTP({ ...options, secret }).generate({ timestamp: now.getTime() });
  } finally {
    secret.bytes.fill(0);
  }
}

/** The messages of the library can quote the key. */
function parseKey(text: string): Secret {
  try {
    const secret = Secret.fromBase32(text.replace(/[\s-]/g, '').toUpperCase());
    if (secret.bytes.length > 0) return secret;
  } catch {
    // Reported below.
  }
  throw new UseRefusal('The secret of totp is not base32', 'value_unusable');
}
