/**
 * Fernet tokens (github.com/fernet/spec, Spec.md): read and written for import and export only, since earlier systems kept records as such.
 * Nothing of the vault's own is stored in this form.
 *
 *     base64url( 0x80 ‖ seconds u64 ‖ IV 16 ‖ AES-128-CBC(PKCS7) ‖ HMAC-SHA-256 of all before )
 */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import { DecryptionError } from './decryption-error.ts';
import { u64 } from './fields.ts';
import { hkdf, hmac, takeKey } from './primitives.ts';

/** What every token begins with, in base64url: the version and the first bytes of any time until the year 10895. */
export const fernetPrefix = 'gAAAAA';

const version = 0x80;
const ivAt = 9;
const ciphertextAt = 25;
const macLength = 32;
const blockLength = 16;
const shortest = ciphertextAt + blockLength + macLength;
/** Seconds that a token may be ahead of the reader's clock (Spec.md, "Verifying"). */
const maxSkew = 60;

/** A Fernet key: 16 bytes that sign, then 16 that encrypt. */
export interface FernetKey {
  readonly signing: KeyObject;
  readonly encryption: KeyObject;
}

/** The two keys of a 32-byte secret, which is zeroed. @throws RangeError for another length */
export function fernetKey(secret: Buffer): FernetKey {
  if (secret.length !== 32) throw new RangeError('a Fernet key has 32 bytes');
  return { signing: takeKey(secret.subarray(0, 16)), encryption: takeKey(secret.subarray(16)) };
}

/**
 * The key of a user's records by the published derivation of Anamnesis: HKDF-SHA-256 of the API key, salt the user's id, info
 * `smtry-at-rest-v1`, 32 bytes.
 */
export const fernetKeyOf = (apiKey: string, userId: string): FernetKey =>
  fernetKey(hkdf(Buffer.from(apiKey, 'utf8'), Buffer.from(userId, 'utf8'), Buffer.from('smtry-at-rest-v1'), 32));

/**
 * A new token.
 * @param time seconds since 1970, which stand in it in the clear
 * @param random gives the IV; another source than the default is for published vectors
 */
export function sealFernet(key: FernetKey, plaintext: Uint8Array, time: number, random = randomBytes): string {
  const iv = random(blockLength);
  const cipher = createCipheriv('aes-128-cbc', key.encryption, iv);
  const signed = Buffer.concat([Uint8Array.of(version), u64(time), iv, cipher.update(plaintext), cipher.final()]);
  const token = Buffer.concat([signed, hmac(key.signing, signed)]).toString('base64url');
  return token + '='.repeat((4 - (token.length % 4)) % 4);
}

/** What a token held, and when it was made, seconds since 1970. */
export interface OpenedFernet {
  readonly plaintext: Buffer;
  readonly time: number;
}

/**
 * Opens a token.
 * @param lifetime bounds its age, seconds before and after `now`; any age without it, as for archives
 * @throws DecryptionError for every cause
 */
export function openFernet(
  key: FernetKey,
  token: string,
  lifetime?: { readonly now: number; readonly ttl: number },
): OpenedFernet {
  const bytes = decode(token);
  if (bytes === undefined || bytes.length < shortest || bytes[0] !== version) throw new DecryptionError();
  if ((bytes.length - shortest) % blockLength !== 0) throw new DecryptionError();
  const signed = bytes.subarray(0, -macLength);
  // The MAC before all else that depends on what is signed: padding must tell nothing (Spec.md, "Verifying", step 5 before 6).
  if (!timingSafeEqual(hmac(key.signing, signed), bytes.subarray(-macLength))) throw new DecryptionError();
  const seconds = bytes.readBigUInt64BE(1);
  if (seconds > Number.MAX_SAFE_INTEGER) throw new DecryptionError();
  const time = Number(seconds);
  if (lifetime !== undefined && (time + lifetime.ttl < lifetime.now || time > lifetime.now + maxSkew)) {
    throw new DecryptionError();
  }
  const decipher = createDecipheriv('aes-128-cbc', key.encryption, bytes.subarray(ivAt, ciphertextAt));
  try {
    return { plaintext: Buffer.concat([decipher.update(signed.subarray(ciphertextAt)), decipher.final()]), time };
  } catch {
    throw new DecryptionError();
  }
}

/** base64url with its padding, in its one spelling. */
function decode(token: string): Buffer | undefined {
  const bytes = Buffer.from(token, 'base64url');
  const again = bytes.toString('base64url');
  return again + '='.repeat((4 - (again.length % 4)) % 4) === token ? bytes : undefined;
}
