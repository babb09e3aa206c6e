/** HPKE (RFC 9180) in base mode with X25519, HKDF-SHA256 and AES-256-GCM, in Node, browsers and workers. */
import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256 } from 'hpke';
import { DecryptionError } from '../decryption-error.ts';
import { type Bytes, concatBytes, toNonSharedBytes } from '../encoding/bytes.ts';
import { encapsulatedLength, hpkeOverhead } from './hpke-overhead.ts';
import { x25519PublicKey } from './x25519.ts';

const suite = () => new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM);

/**
 * Seals a text for the holder of a secret key: the encapsulated key and the ciphertext (RFC 9180 section 6.1).
 * @param key X25519 public key, which the caller has checked
 */
export async function sealHpke(key: Uint8Array, info: Uint8Array, text: Uint8Array): Promise<Bytes> {
  const hpke = suite();
  const recipient = await hpke.DeserializePublicKey(toNonSharedBytes(key));
  const { encapsulatedSecret, ciphertext } = await hpke.Seal(recipient, toNonSharedBytes(text), {
    info: toNonSharedBytes(info),
  });
  return concatBytes(encapsulatedSecret, ciphertext);
}

/**
 * Opens what {@link sealHpke} sealed with the same `info`. The caller zeroes a secret text.
 * @param secret X25519 secret key, 32 bytes
 * @throws DecryptionError for every cause
 */
export async function openHpke(secret: Uint8Array, info: Uint8Array, sealed: Uint8Array): Promise<Bytes> {
  if (sealed.length < hpkeOverhead) throw new DecryptionError();
  const bytes = toNonSharedBytes(sealed);
  const hpke = suite();
  try {
    // With the public key at hand, the library does not need the experimental `getPublicKey` of WebCrypto.
    const recipient = {
      privateKey: await hpke.DeserializePrivateKey(toNonSharedBytes(secret)),
      publicKey: await hpke.DeserializePublicKey(x25519PublicKey(secret)),
    };
    const [encapsulated, ciphertext] = [bytes.subarray(0, encapsulatedLength), bytes.subarray(encapsulatedLength)];
    const text = await hpke.Open(recipient, encapsulated, ciphertext, { info: toNonSharedBytes(info) });
    return toNonSharedBytes(text);
  } catch {
    throw new DecryptionError();
  }
}
