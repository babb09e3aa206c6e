/**
 * Ed25519 keys for callers outside of core, which must not import the primitives: of authorities, of recovery, of fleets,
 * and `ik` of devices.
 */
import { type Ed25519KeyPair, ed25519KeyPairOf, generateEd25519KeyPair } from '../hazmat/ed25519.ts';

/** A public key and its seed, 32 bytes each. The owner zeroes the seed after use. */
export type SigningKey = Ed25519KeyPair;

/** A new key from 32 random bytes. */
export const generateSigningKey = (): SigningKey => generateEd25519KeyPair();

/** The key of a stored seed of 32 bytes. The seed is not copied. */
export const signingKeyOf = (seed: Uint8Array): SigningKey => ed25519KeyPairOf(seed);
