/**
 * Fernet tokens (github.com/fernet/spec, Spec.md), for import and export only, because earlier systems stored records
 * in this form. The vault stores none of its own data in this form. Uses WebCrypto, in Node and in browsers.
 *
 *     base64url( 0x80 ‖ seconds u64 ‖ IV 16 ‖ AES-128-CBC(PKCS7) ‖ HMAC-SHA-256 of everything before it )
 */

import { DecryptionError } from '../decryption-error.ts';
import {
  type Bytes,
  concatBytes,
  fromBase64Url,
  toBase64Url,
  toNonSharedBytes,
  u64Bytes,
  utf8Bytes,
} from '../encoding/bytes.ts';

/**
 * The base64url prefix of every token: the version and the leading zero bits of any time before the year 4147 (2^36
 * seconds).
 */
export const fernetPrefix = 'gAAAAA';

const fernetVersion = 0x80;
const ivOffset = 9;
const ciphertextOffset = 25;
const macLength = 32;
const blockLength = 16;
const keyLength = 32;
const minTokenBytes = ciphertextOffset + blockLength + macLength;
/** Seconds by which a token can be ahead of the reader's clock (Spec.md, "Verifying"). */
const maxClockSkewSeconds = 60;

/** A Fernet key: 16 bytes for signing, then 16 for encryption. */
export interface FernetKey {
  readonly signing: CryptoKey;
  readonly encryption: CryptoKey;
}

/**
 * Imports a 32-byte secret as the two keys. The secret is zeroed.
 * @throws RangeError for another length
 */
export async function importFernetKey(secret: Uint8Array): Promise<FernetKey> {
  if (secret.length !== keyLength) throw new RangeError('a Fernet key must have 32 bytes');
  try {
    const [signing, encryption] = await Promise.all([
      crypto.subtle.importKey(
        'raw',
        toNonSharedBytes(secret.subarray(0, 16)),
        { name: 'HMAC', hash: 'SHA-256' },
        false,
        ['sign', 'verify'],
      ),
      crypto.subtle.importKey('raw', toNonSharedBytes(secret.subarray(16)), 'AES-CBC', false, ['encrypt', 'decrypt']),
    ]);
    return { signing, encryption };
  } finally {
    secret.fill(0);
  }
}

/**
 * Derives the key of a user's records by the published derivation of Anamnesis: HKDF-SHA-256 of the API key, with the
 * user's id as salt, info `smtry-at-rest-v1`, 32 bytes.
 */
export async function deriveFernetKey(apiKey: string, userId: string): Promise<FernetKey> {
  const base = await crypto.subtle.importKey('raw', utf8Bytes(apiKey), 'HKDF', false, ['deriveBits']);
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt: utf8Bytes(userId), info: utf8Bytes('smtry-at-rest-v1') };
  return await importFernetKey(new Uint8Array(await crypto.subtle.deriveBits(parameters, base, keyLength * 8)));
}

const randomIv = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));

/**
 * Creates a token.
 * @param time seconds since 1970; not encrypted in the token
 * @param random returns the IV; replaced only for the published test vectors
 */
export async function sealFernet(
  key: FernetKey,
  plaintext: Uint8Array,
  time: number,
  random: (length: number) => Uint8Array = randomIv,
): Promise<string> {
  const iv = toNonSharedBytes(random(blockLength));
  // WebCrypto's AES-CBC pads by PKCS #7, as Fernet does (Web Cryptography API, section "AES-CBC").
  const ciphertext = await crypto.subtle.encrypt({ name: 'AES-CBC', iv }, key.encryption, toNonSharedBytes(plaintext));
  const signed = concatBytes(Uint8Array.of(fernetVersion), u64Bytes(time), iv, new Uint8Array(ciphertext));
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key.signing, signed));
  return padBase64(toBase64Url(concatBytes(signed, mac)));
}

/** The content of a token, and the time at which it was created, seconds since 1970. */
export interface OpenedFernet {
  readonly plaintext: Bytes;
  readonly time: number;
}

/**
 * Opens a token.
 * @param lifetime limits the age of the token to `ttl` seconds at `now` (seconds since 1970), and its time to at most
 *   60 seconds after `now`. Without it, any age is accepted, as needed for archives
 * @throws DecryptionError for every cause
 */
export async function openFernet(
  key: FernetKey,
  token: string,
  lifetime?: { readonly now: number; readonly ttl: number },
): Promise<OpenedFernet> {
  const bytes = decodeToken(token);
  if (bytes === undefined || bytes.length < minTokenBytes || bytes[0] !== fernetVersion) throw new DecryptionError();
  if ((bytes.length - minTokenBytes) % blockLength !== 0) throw new DecryptionError();
  const signed = bytes.subarray(0, -macLength);
  // The MAC is verified before anything that depends on the signed bytes, so that the padding reveals nothing (Spec.md,
  // "Verifying", step 5 before 6).
  if (!(await crypto.subtle.verify('HMAC', key.signing, bytes.subarray(-macLength), signed))) {
    throw new DecryptionError();
  }
  const seconds = new DataView(bytes.buffer).getBigUint64(1);
  if (seconds > Number.MAX_SAFE_INTEGER) throw new DecryptionError();
  const time = Number(seconds);
  if (lifetime !== undefined && (time + lifetime.ttl < lifetime.now || time > lifetime.now + maxClockSkewSeconds)) {
    throw new DecryptionError();
  }
  const parameters = { name: 'AES-CBC', iv: bytes.subarray(ivOffset, ciphertextOffset) };
  try {
    const plaintext = await crypto.subtle.decrypt(parameters, key.encryption, signed.subarray(ciphertextOffset));
    return { plaintext: new Uint8Array(plaintext), time };
  } catch {
    throw new DecryptionError();
  }
}

/** Decodes base64url with padding. Returns undefined for any spelling other than the canonical one. */
function decodeToken(token: string): Bytes | undefined {
  const text = token.replace(/={1,2}$/, '');
  return padBase64(text) === token ? fromBase64Url(text) : undefined;
}

const padBase64 = (text: string): string => text + '='.repeat((4 - (text.length % 4)) % 4);
