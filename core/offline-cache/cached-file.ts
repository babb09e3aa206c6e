/**
 * Files of the command's offline cache (docs/format.md, section 11).
 *
 *     "AVC1" ‖ salt 32 ‖ AES-256-GCM(K, nonce 0, AAD = the 36 bytes before, plaintext) ‖ tag 16
 *
 * K is derived from the secret of an API key, the file's own random salt and all that the file is bound to. Each file has a key of its
 * own, which seals once: so the nonce may be zero.
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

/** Whose cache it is. */
export interface CacheScope {
  /** Address of the vault. */
  readonly url: string;
  /** Id of the organization. */
  readonly org: string;
  /** Id of the API key. */
  readonly key: string;
}

/** What one file holds: a value of a name, or the names below a folder. */
export interface CacheEntry {
  readonly purpose: 'value' | 'names';
  readonly name: string;
  /** The version asked for; 0 for the current one, and for names. */
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
 * Seals a plaintext as a file.
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
 * Opens a file that was sealed with this secret for this scope and entry.
 * @throws DecryptionError for every cause
 */
export function openCached(secret: string, scope: CacheScope, entry: CacheEntry, file: Buffer): Buffer {
  if (file.length < headerLength + gcmTagLength || !file.subarray(0, magic.length).equals(magic))
    throw new DecryptionError();
  const header = file.subarray(0, headerLength);
  const key = deriveFileKey(secret, scope, entry, header.subarray(magic.length));
  return gcmOpen(key, zeroNonce, header, file.subarray(headerLength));
}

/** Name of the folder of a scope: 32 hexadecimal digits that tell nothing to whoever has not the key. */
export function cacheFolderName(secret: string, { url, org, key }: CacheScope): string {
  return hkdfSha256(
    secretBytes(secret),
    emptySalt,
    encodeLengthPrefixedFields(derivationLabel, 'folder', url, org, key),
    fileNameLength,
  ).toString('hex');
}

/** Name of the file of an entry within its scope's folder, of the same kind. */
export function cacheFileName(
  secret: string,
  { url, org, key }: CacheScope,
  { purpose, name, version }: CacheEntry,
): string {
  const info = encodeLengthPrefixedFields(derivationLabel, 'file', url, org, key, purpose, name, u64(version));
  return hkdfSha256(secretBytes(secret), emptySalt, info, fileNameLength).toString('hex');
}
