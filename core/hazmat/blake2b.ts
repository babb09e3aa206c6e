/** BLAKE2b (RFC 7693) in Node, browsers and workers. */
import { blake2b } from '@noble/hashes/blake2.js';
import { type Bytes, toNonSharedBytes } from '../encoding/bytes.ts';

export const blake2b256Length = 32;

/** BLAKE2b-256 without key, salt and personalization: 32 bytes. */
export const blake2b256 = (bytes: Uint8Array): Bytes => toNonSharedBytes(blake2b(bytes, { dkLen: blake2b256Length }));
