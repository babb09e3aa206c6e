/**
 * Ciphertext blobs of the KMS emulator. AWS does not publish the format of KMS; the emulator uses this one:
 *
 * ```
 * 0      format = 1
 * 1–16   key id, the 16 bytes of its UUID
 * 17–20  version of the backing key, u32 big-endian
 * 21–36  salt
 * 37–    AES-256-GCM ciphertext, then its 16-byte tag
 * ```
 *
 * As in KMS, each blob has a unique encryption key: HKDF-SHA256(backing key, salt, info, 44 bytes) = key ‖ nonce.
 * AAD: the first 37 bytes, then the pairs of the encryption context, sorted by the bytes of their keys. Each key and
 * each value is preceded by its length as u32 big-endian.
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes } from 'node:crypto';

const format = 1;
const versionOffset = 17;
const saltOffset = 21;
const headerLength = 37;
const tagLength = 16;
const hkdfInfo = 'anima local kms v1';

export type EncryptionContext = Readonly<Record<string, string>>;

export interface BlobHeader {
  readonly keyId: string;
  /** 1, 2, 3 … */
  readonly backingKeyVersion: number;
}

/** Encrypts with `material` (32 bytes), which is version `backingKeyVersion` of the key. */
export function encryptBlob(
  header: BlobHeader,
  material: Buffer,
  plaintext: Buffer,
  context: EncryptionContext,
): Buffer {
  const head = Buffer.alloc(headerLength);
  head[0] = format;
  head.write(header.keyId.replaceAll('-', ''), 1, 'hex');
  head.writeUInt32BE(header.backingKeyVersion, versionOffset);
  randomBytes(headerLength - saltOffset).copy(head, saltOffset);
  const { key, nonce } = deriveBlobKey(material, head);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(additionalData(head, context));
  return Buffer.concat([head, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Reads the key ID and version of a blob; undefined if the format is invalid. The header is not authenticated yet. */
export function readBlobHeader(blob: Buffer): BlobHeader | undefined {
  if (blob.length < headerLength + tagLength || blob[0] !== format) return undefined;
  const keyId = blob.toString('hex', 1, versionOffset).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { keyId, backingKeyVersion: blob.readUInt32BE(versionOffset) };
}

/** Decrypts a blob; undefined if the blob, the encryption context or the material differs from those at encryption. */
export function decryptBlob(blob: Buffer, material: Buffer, context: EncryptionContext): Buffer | undefined {
  const head = blob.subarray(0, headerLength);
  const { key, nonce } = deriveBlobKey(material, head);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength })
    .setAAD(additionalData(head, context))
    .setAuthTag(blob.subarray(-tagLength));
  try {
    return Buffer.concat([decipher.update(blob.subarray(headerLength, -tagLength)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** The size of an encryption context that the KMS limit applies to: the bytes of all keys and values. */
export const encryptionContextBytes = (context: EncryptionContext): number =>
  Object.entries(context).reduce((size, [key, value]) => size + Buffer.byteLength(key) + Buffer.byteLength(value), 0);

function deriveBlobKey(material: Buffer, head: Buffer) {
  const derived = Buffer.from(hkdfSync('sha256', material, head.subarray(saltOffset), hkdfInfo, 44));
  return { key: createSecretKey(derived.subarray(0, 32)), nonce: derived.subarray(32) };
}

function additionalData(head: Buffer, context: EncryptionContext): Buffer {
  const pairs = Object.entries(context).map(([key, value]) => [Buffer.from(key), Buffer.from(value)] as const);
  pairs.sort(([a], [b]) => a.compare(b));
  return Buffer.concat([head, ...pairs.flat().flatMap((field) => [lengthPrefix(field), field])]);
}

function lengthPrefix(field: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(field.length);
  return length;
}
