/**
 * The boxes of the published system (docs/format-devices.md, section 2): record payload, wraps of a data-encryption key
 * and of the user master key for a device, and the activation proof. The bytes are those of the published system; its
 * spelling is base64.
 */

import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, fromBase64, utf8Bytes } from '../encoding/bytes.ts';
import type { CryptoKey } from '../hazmat/crypto-key.ts';
import { deriveSharedSecret } from '../hazmat/p256.ts';
import { type BoxKey, importBoxKey, type RandomSource, randomBytes, withBoxKey } from '../hazmat/portable-aes-gcm.ts';
import { portableHkdfSha256, portableHmacSha256 } from '../hazmat/portable-hash.ts';

const keyLength = 32;
const saltLength = 32;

/** What a record is bound to. */
export interface RecordRef {
  readonly user: string;
  readonly type: string;
  readonly id: string;
}

/** A record: its payload, and the key of the payload, wrapped with the UMK. */
export interface SealedRecord {
  readonly box: Bytes;
  readonly dek: Bytes;
}

/** A UMK wrapped for one device. */
export interface DeviceWrap {
  readonly salt: Bytes;
  readonly box: Bytes;
}

/** Joins the parts with colons. @throws DecryptionError for a part that is empty or contains a colon */
function published(label: string, ...parts: readonly string[]): Bytes {
  // With a colon inside, two different lists of parts would have the same AAD.
  if (parts.some((part) => part === '' || part.includes(':'))) throw new DecryptionError();
  return utf8Bytes([label, ...parts].join(':'));
}

/** Imports a UMK as a key of DEK boxes. The caller zeroes its bytes. @throws RangeError unless it has 32 bytes */
export const importUmk = (umk: Uint8Array): Promise<BoxKey> => importBoxKey(umk);

const recordAad = ({ user, type, id }: RecordRef) => published('pia-e2ee-v1', user, type, id);
const dekAad = ({ type, id }: RecordRef) => published('pia-dek-wrap-v1', type, id);
const deviceAad = (device: string) => published('pia-umk-wrap-v1', device);

/** Seals a record under a new data-encryption key. @param umk the UMK as a key */
export async function sealRecord(
  umk: BoxKey,
  ref: RecordRef,
  plaintext: Uint8Array,
  random: RandomSource = randomBytes,
): Promise<SealedRecord> {
  const dek = random(keyLength);
  const wrapped = await umk.seal(dekAad(ref), dek, random);
  const box = await withBoxKey(dek, (key) => key.seal(recordAad(ref), plaintext, random));
  return { box, dek: wrapped };
}

/** Opens a record. @throws DecryptionError for every cause */
export async function openRecord(umk: BoxKey, ref: RecordRef, { box, dek }: SealedRecord): Promise<Bytes> {
  const key = await umk.open(dekAad(ref), dek);
  if (key.length !== keyLength) throw new DecryptionError();
  return await withBoxKey(key, (opened) => opened.open(recordAad(ref), box));
}

async function deviceKek(privateKey: CryptoKey, publicKey: Uint8Array, salt: Uint8Array, aad: Bytes): Promise<Bytes> {
  const secret = await deriveSharedSecret(privateKey, publicKey);
  try {
    return await portableHkdfSha256(secret, salt, aad, keyLength);
  } finally {
    secret.fill(0);
  }
}

/**
 * Wraps a UMK for a device.
 * @param sender private ECDH key of the sender; the receiver needs its public key
 * @throws RangeError for a public key that is not on the curve
 */
export async function wrapUmkForDevice(
  umk: Uint8Array,
  target: { readonly id: string; readonly ecdh: Uint8Array },
  sender: CryptoKey,
  random: RandomSource = randomBytes,
): Promise<DeviceWrap> {
  const aad = deviceAad(target.id);
  const salt = new Uint8Array(random(saltLength));
  const kek = await deviceKek(sender, target.ecdh, salt, aad);
  return { salt, box: await withBoxKey(kek, (key) => key.seal(aad, umk, random)) };
}

/**
 * Unwraps a UMK at the device. The caller zeroes it.
 * @param sender public ECDH key of the sender
 * @throws DecryptionError for every cause
 */
export async function unwrapUmkAtDevice(
  device: { readonly id: string; readonly privateKey: CryptoKey },
  sender: Uint8Array,
  { salt, box }: DeviceWrap,
): Promise<Bytes> {
  const aad = deviceAad(device.id);
  if (salt.length !== saltLength) throw new DecryptionError();
  const kek = await deviceKek(device.privateKey, sender, salt, aad).catch(() => {
    throw new DecryptionError();
  });
  const umk = await withBoxKey(kek, (key) => key.open(aad, box));
  if (umk.length !== keyLength) throw new DecryptionError();
  return umk;
}

/** The key of the activation proof: 32 bytes, which the caller zeroes. */
export const activationProofKey = (umk: Uint8Array): Promise<Bytes> =>
  portableHkdfSha256(umk, utf8Bytes('activation'), utf8Bytes('pia-activation-proof-v1'), keyLength);

/** The activation proof of a session. @param session its text, as it is: the characters are not decoded */
export async function activationProof(umk: Uint8Array, session: string): Promise<Bytes> {
  const key = await activationProofKey(umk);
  try {
    return await portableHmacSha256(key, utf8Bytes(session));
  } finally {
    key.fill(0);
  }
}

/** Bytes in the published spelling. @throws DecryptionError for any spelling other than canonical base64 */
export function decodePublished(text: string): Bytes {
  const bytes = fromBase64(text);
  if (bytes === undefined) throw new DecryptionError();
  return bytes;
}
