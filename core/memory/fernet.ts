/**
 * Fernet tokens (github.com/fernet/spec, Spec.md): read and written for import and export only, since earlier systems kept records as such.
 * Nothing of the vault's own is stored in this form. By WebCrypto, in Node and browsers.
 *
 *     base64url( 0x80 ‖ seconds u64 ‖ IV 16 ‖ AES-128-CBC(PKCS7) ‖ HMAC-SHA-256 of all before )
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

/** What every token begins with, in base64url: the version and the first bytes of any time until the year 10895. */
export const fernetPrefix = 'gAAAAA';

const fernetVersion = 0x80;
const ivOffset = 9;
const ciphertextOffset = 25;
const macLength = 32;
const blockLength = 16;
const keyLength = 32;
const minTokenBytes = ciphertextOffset + blockLength + macLength;
/** Seconds that a token may be ahead of the reader's clock (Spec.md, "Verifying"). */
const maxClockSkewSeconds = 60;

/** A Fernet key: 16 bytes that sign, then 16 that encrypt. */
export interface FernetKey {
  readonly signing: CryptoKey;
  readonly encryption: CryptoKey;
}

/** The two keys of a 32-byte secret, which is zeroed. @throws RangeError for another length */
export async function importFernetKey(secret: Uint8Array): Promise<FernetKey> {
  if (secret.length !== keyLength) throw new RangeError('a Fernet key has 32 bytes');
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
 * The key of a user's records by the published derivation of Anamnesis: HKDF-SHA-256 of the API key, salt the user's id, info
 * `smtry-at-rest-v1`, 32 bytes.
 */
export async function deriveFernetKey(apiKey: string, userId: string): Promise<FernetKey> {
  const base = await crypto.subtle.importKey('raw', utf8Bytes(apiKey), 'HKDF', false, ['deriveBits']);
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt: utf8Bytes(userId), info: utf8Bytes('smtry-at-rest-v1') };
  return await importFernetKey(new Uint8Array(await crypto.subtle.deriveBits(parameters, base, keyLength * 8)));
}

const randomIv = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));

/**
 * A new token.
 * @param time seconds since 1970, which stand in it in the clear
 * @param random gives the IV; another source than the default is for published vectors
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

/** What a token held, and when it was made, seconds since 1970. */
export interface OpenedFernet {
  readonly plaintext: Bytes;
  readonly time: number;
}

/**
 * Opens a token.
 * @param lifetime bounds its age, seconds before and after `now`; any age without it, as for archives
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
  // The MAC before all else that depends on what is signed: padding must tell nothing (Spec.md, "Verifying", step 5 before 6).
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

/** base64url with its padding, in its one spelling. */
function decodeToken(token: string): Bytes | undefined {
  const text = token.replace(/={1,2}$/, '');
  return padBase64(text) === token ? fromBase64Url(text) : undefined;
}

const padBase64 = (text: string): string => text + '='.repeat((4 - (text.length % 4)) % 4);
