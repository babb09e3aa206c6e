/** The key derivations of Suite 1 (docs/format-sessions.md, sections 2 and 3). The caller zeroes all inputs and results. */
import { type Bytes, concatBytes, utf8Bytes } from '../encoding/bytes.ts';
import { hkdfSha256, hmacSha256 } from '../hazmat/hkdf-sha256.ts';

const keyLength = 32;
const zeroSalt = new Uint8Array(keyLength);
/** Makes the input of X3DH differ from that of any signature with the same keys (X3DH section 2.2). */
const x3dhPrefix = new Uint8Array(keyLength).fill(0xff);
const x3dhInfo = utf8Bytes('anima:x3dh:v1');
const rootInfo = utf8Bytes('anima:dr:v1:root');
const messageInfo = utf8Bytes('anima:dr:v1:message');
const messageKeyInput = Uint8Array.of(1);
const chainKeyInput = Uint8Array.of(2);

/**
 * The KDF of X3DH (section 2.2), with the secret of the KEM behind the Diffie-Hellman results (PQXDH section 3.3).
 * @param secrets three or four results of X25519 in the order of the specification, then the secret of the KEM
 * @param info another value only in tests against other implementations
 */
export function deriveSharedKey(secrets: readonly Uint8Array[], info: Uint8Array = x3dhInfo): Bytes {
  const input = concatBytes(x3dhPrefix, ...secrets);
  const key = hkdfSha256(input, zeroSalt, info, keyLength);
  input.fill(0);
  return key;
}

/** KDF_RK (Double Ratchet section 5.2): the next root key, and the first key of a chain. */
export function deriveRootStep(rootKey: Uint8Array, shared: Uint8Array): { rootKey: Bytes; chainKey: Bytes } {
  const derived = hkdfSha256(shared, rootKey, rootInfo, 2 * keyLength);
  const step = { rootKey: derived.slice(0, keyLength), chainKey: derived.slice(keyLength) };
  derived.fill(0);
  return step;
}

/** KDF_CK (Double Ratchet section 5.2): the key of a message, and the next key of the chain. */
export const deriveChainStep = (chainKey: Uint8Array): { messageKey: Bytes; chainKey: Bytes } => ({
  messageKey: hmacSha256(chainKey, messageKeyInput),
  chainKey: hmacSha256(chainKey, chainKeyInput),
});

/** The AEAD key of a message key. */
export const deriveAeadKey = (messageKey: Uint8Array): Bytes =>
  hkdfSha256(messageKey, zeroSalt, messageInfo, keyLength);
