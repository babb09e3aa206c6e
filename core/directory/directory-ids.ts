/** Names, keys and ids of the directory (docs/format-directory.md, section 1). */
import { type Bytes, encodeFieldBytes, equalBytes, toHex } from '../encoding/bytes.ts';
import { toBase32, toCodeGroups } from '../encoding/crockford-base32.ts';
import { blake2b256 } from '../hazmat/blake2b.ts';
import { isEd25519PublicKey } from '../hazmat/ed25519.ts';

/** The public keys of a device. */
export interface DirectoryKeys {
  /** Ed25519, 32 bytes. */
  readonly ik: Bytes;
  /** X25519, 32 bytes. */
  readonly dh: Bytes;
}

export const keyLength = 32;
export const hashLength = 32;
export const zeroHash = new Uint8Array(hashLength);

const idBytes = 16;
const fingerprintBytes = 10;

/** Whether the text is the id of an org, a person or an invite. */
export const isOpaqueName = (text: string): boolean => /^[0-9a-z]{16}$/.test(text);

/** Whether the text is the id of a device, a fleet, a link or a conversation. */
export const isHashId = (text: string): boolean => /^[0-9a-f]{32}$/.test(text);

const hashIdOf = (hash: Uint8Array): string => toHex(hash.subarray(0, idBytes));

/** The hash from which the id and the fingerprint of a device are taken. */
const deviceHash = (org: string, { ik, dh }: DirectoryKeys): Bytes =>
  blake2b256(encodeFieldBytes('anima:device:v1', org, ik, dh));

/** The id of a device: 32 characters of hex. */
export const deviceIdOf = (org: string, keys: DirectoryKeys): string => hashIdOf(deviceHash(org, keys));

/** The fingerprint that people compare: `XXXX-XXXX-XXXX-XXXX`, 80 bits. */
export const fingerprintOf = (org: string, keys: DirectoryKeys): string =>
  toCodeGroups(toBase32(deviceHash(org, keys).subarray(0, fingerprintBytes)));

/** The id of a fleet. */
export const fleetIdOf = (org: string, key: Uint8Array): string =>
  hashIdOf(blake2b256(encodeFieldBytes('anima:fleet:v1', org, key)));

/** The id of a link. @param a not above `b` */
export const linkIdOf = (org: string, a: string, b: string): string =>
  hashIdOf(blake2b256(encodeFieldBytes('anima:link:v1', org, a, b)));

/** The id of a conversation, which only its host can continue. */
export const conversationIdOf = (org: string, host: string, nonce: Uint8Array): string =>
  hashIdOf(blake2b256(encodeFieldBytes('anima:conversation-id:v1', org, host, nonce)));

/**
 * The hash of the name of a device.
 * @param salt 16 random bytes, because names are easily guessed
 */
export const nameHashOf = (org: string, device: string, salt: Uint8Array, name: string): Bytes =>
  blake2b256(encodeFieldBytes('anima:name:v1', org, device, salt, name));

/**
 * The X25519 keys of low order in their canonical encoding (RFC 7748 section 6.1; the list is that of
 * https://cr.yp.to/ecdh.html#validate). With one of them, every shared secret is zero.
 */
const lowOrderKeys: ReadonlySet<string> = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  `ec${'ff'.repeat(30)}7f`,
]);

/** Whether the bytes are below 2^255 − 19, little-endian. */
function isReduced(key: Uint8Array): boolean {
  const [low = 0] = key;
  const top = key[31] ?? 0xff;
  if (top !== 0x7f) return top < 0x7f;
  return low < 0xed || !key.subarray(1, 31).every((byte) => byte === 0xff);
}

/**
 * Whether the bytes are an X25519 key in its one accepted encoding. Otherwise a key could be repeated in another
 * spelling.
 */
export const isX25519PublicKey = (bytes: Uint8Array): boolean =>
  bytes.length === keyLength && isReduced(bytes) && !lowOrderKeys.has(toHex(bytes));

/** Whether both are valid keys, and different. */
export const areDirectoryKeys = ({ ik, dh }: DirectoryKeys): boolean =>
  !equalBytes(ik, dh) && isX25519PublicKey(dh) && isEd25519PublicKey(ik);
