/**
 * Files of the offline cache of the command-line tool (docs/format.md, section 11).
 *
 *     "AVC1" ‖ salt 32 ‖ AES-256-GCM(K, nonce 0, AAD = the 36 bytes before, plaintext) ‖ tag 16
 *
 * K is derived from the secret of an API key, the random salt of the file, and everything that the file is bound to.
 * Each key encrypts one file once. The nonce can therefore be zero.
 */
import { randomBytes } from 'node:crypto';
import { DecryptionError } from '../decryption-error.ts';
import { encodeLengthPrefixedFields, u64 } from '../encoding/length-prefixed-fields.ts';
import {
  gcmNonceLength,
  gcmOpen,
  gcmSeal,
  gcmTagLength,
  hkdfSha256,
  importKeyAndZero,
} from '../hazmat/node-primitives.ts';

/** The vault, organization and API key that a cache belongs to. */
export interface CacheScope {
  /** Address of the vault. */
  readonly url: string;
  /** Id of the organization. */
  readonly org: string;
  /** Id of the API key. */
  readonly key: string;
}

/** The content of one file: a value, or the list of names below a folder. */
export interface CacheEntry {
  readonly purpose: 'value' | 'names';
  readonly name: string;
  /** The requested version; 0 for the current version, and for lists of names. */
  readonly version: number;
}

const magic = Buffer.from('AVC1', 'latin1');
const saltLength = 32;
const headerLength = magic.length + saltLength;
const keyLength = 32;
const fileNameLength = 16;
const derivationLabel = 'anima:offline-cache:v1';
const zeroNonce = Buffer.alloc(gcmNonceLength);
const emptySalt = Buffer.alloc(0);

const secretBytes = (secret: string): Buffer => Buffer.from(secret, 'utf8');

function deriveFileKey(
  secret: string,
  { url, org, key }: CacheScope,
  { purpose, name, version }: CacheEntry,
  salt: Uint8Array,
) {
  const info = encodeLengthPrefixedFields(derivationLabel, 'seal', url, org, key, purpose, name, u64(version));
  return importKeyAndZero(hkdfSha256(secretBytes(secret), salt, info, keyLength));
}

/**
 * Encrypts a plaintext as a cache file.
 * @param secret the 43 characters of the API key's secret
 */
export function sealCached(secret: string, scope: CacheScope, entry: CacheEntry, plaintext: Uint8Array): Buffer {
  const file = Buffer.alloc(headerLength + plaintext.length + gcmTagLength);
  const salt = randomBytes(saltLength);
  magic.copy(file);
  salt.copy(file, magic.length);
  gcmSeal(
    deriveFileKey(secret, scope, entry, salt),
    zeroNonce,
    file.subarray(0, headerLength),
    plaintext,
    file,
    headerLength,
  );
  return file;
}

/**
 * Decrypts a file that was encrypted with this secret for this scope and entry.
 * @throws DecryptionError for every cause
 */
export function openCached(secret: string, scope: CacheScope, entry: CacheEntry, file: Buffer): Buffer {
  if (file.length < headerLength + gcmTagLength || !file.subarray(0, magic.length).equals(magic))
    throw new DecryptionError();
  const header = file.subarray(0, headerLength);
  const key = deriveFileKey(secret, scope, entry, header.subarray(magic.length));
  return gcmOpen(key, zeroNonce, header, file.subarray(headerLength));
}

/** Name of the folder of a scope: 32 hexadecimal digits. They reveal nothing without the API key. */
export function cacheFolderName(secret: string, { url, org, key }: CacheScope): string {
  return hkdfSha256(
    secretBytes(secret),
    emptySalt,
    encodeLengthPrefixedFields(derivationLabel, 'folder', url, org, key),
    fileNameLength,
  ).toString('hex');
}

/** Name of the file of an entry in the folder of its scope: 32 hexadecimal digits. */
export function cacheFileName(
  secret: string,
  { url, org, key }: CacheScope,
  { purpose, name, version }: CacheEntry,
): string {
  const info = encodeLengthPrefixedFields(derivationLabel, 'file', url, org, key, purpose, name, u64(version));
  return hkdfSha256(secretBytes(secret), emptySalt, info, fileNameLength).toString('hex');
}
