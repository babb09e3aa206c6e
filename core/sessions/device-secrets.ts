/** New secrets of a device, for callers outside of core, which must not import the primitives. */
import type { Bytes } from '../encoding/bytes.ts';
import { kemPublicKey, kemSeedLength } from '../hazmat/ml-kem-768.ts';
import { randomBytes } from '../hazmat/portable-aes-gcm.ts';
import { x25519KeyLength, x25519PublicKey } from '../hazmat/x25519.ts';

/** A new secret of 32 bytes: for `dh`, a signed prekey or a one-time prekey. Its owner zeroes it. */
export const newDhSecret = (): Bytes => new Uint8Array(randomBytes(x25519KeyLength));

/** The X25519 public key of a secret. */
export const dhKeyOf = (secret: Uint8Array): Bytes => x25519PublicKey(secret);

/** A new seed d ‖ z of a decapsulation key: 64 bytes. Its owner zeroes it. */
export const newKemSeed = (): Bytes => new Uint8Array(randomBytes(kemSeedLength));

/** The ML-KEM-768 encapsulation key of a seed: 1,184 bytes. */
export const kemKeyOf = (seed: Uint8Array): Bytes => kemPublicKey(seed);

/** Random bytes that are not secret: ids of messages, nonces, salts. */
export const randomId16 = (): Bytes => new Uint8Array(randomBytes(16));
