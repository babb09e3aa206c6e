/**
 * Files of messages (docs/format.md, section 12, "Files of messages"). Each file is encrypted once, with a key of its
 * own. The key is stored in the message, which is encrypted with the user's root key.
 */
import { randomBytes } from 'node:crypto';
import { DecryptionError } from '../decryption-error.ts';
import { encodeLengthPrefixedFields } from '../encoding/length-prefixed-fields.ts';
import { decodeStrictBase64 } from '../encoding/strict-base64.ts';
import { gcmNonceLength, gcmOpen, gcmSeal, gcmTagLength, importKeyAndZero } from '../hazmat/node-primitives.ts';

const keyLength = 32;

const encodeMediaAad = (org: string, id: string): Buffer => encodeLengthPrefixedFields('anima:media:v1', org, id);

/**
 * Encrypts a file with a new key.
 * @param id ID of the object, 16 characters
 * @returns the object (nonce, ciphertext and tag), and the key in base64
 */
export function sealMedia(org: string, id: string, plaintext: Uint8Array): { object: Buffer; key: string } {
  const secret = randomBytes(keyLength);
  const key = secret.toString('base64');
  const object = Buffer.alloc(gcmNonceLength + plaintext.length + gcmTagLength);
  const nonce = randomBytes(gcmNonceLength);
  nonce.copy(object);
  gcmSeal(importKeyAndZero(secret), nonce, encodeMediaAad(org, id), plaintext, object, gcmNonceLength);
  return { object, key };
}

/**
 * Decrypts a file.
 * @param key base64 of 32 bytes
 * @throws DecryptionError for every cause
 */
export function openMedia(org: string, id: string, key: string, object: Uint8Array): Buffer {
  const secret = decodeStrictBase64(key);
  if (secret?.length !== keyLength || object.length < gcmNonceLength) throw new DecryptionError();
  const nonce = object.subarray(0, gcmNonceLength);
  return gcmOpen(importKeyAndZero(secret), nonce, encodeMediaAad(org, id), object.subarray(gcmNonceLength));
}
