/**
 * node:crypto where available, for code that also runs in browsers. It is loaded at run time, so that bundlers for
 * browsers find nothing to replace.
 */
import type { Bytes } from '../encoding/bytes.ts';

/**
 * The parts of node:crypto that are used. Declared here because the types of Node are not available in browser builds.
 */
export interface NodeCrypto {
  createHash(algorithm: 'sha256'): NodeHash;
  createSecretKey(key: Uint8Array): NodeKey;
  createCipheriv(
    algorithm: 'aes-256-gcm',
    key: NodeKey,
    nonce: Uint8Array,
    options: { authTagLength: number },
  ): NodeCipher;
  createDecipheriv(
    algorithm: 'aes-256-gcm',
    key: NodeKey,
    nonce: Uint8Array,
    options: { authTagLength: number },
  ): NodeDecipher;
}
/** Argon2id of node:crypto, which exists from Node 24.7 on. */
export interface NodeArgon2 {
  argon2(
    algorithm: 'argon2id',
    parameters: {
      message: Uint8Array;
      nonce: Uint8Array;
      parallelism: number;
      tagLength: number;
      memory: number;
      passes: number;
    },
    callback: (error: Error | null, result: Bytes) => void,
  ): void;
}
interface NodeKey {
  readonly type: 'private' | 'public' | 'secret';
}
interface NodeCipher {
  setAAD(aad: Uint8Array): unknown;
  update(bytes: Uint8Array): Bytes;
  final(): Uint8Array;
  getAuthTag(): Bytes;
}
interface NodeDecipher {
  setAAD(aad: Uint8Array): unknown;
  update(bytes: Uint8Array): Bytes;
  final(): Uint8Array;
  setAuthTag(tag: Uint8Array): unknown;
}

interface NodeHash {
  update(bytes: Uint8Array): NodeHash;
  digest(): Bytes;
}

const isNodeCrypto = (found: unknown): found is NodeCrypto =>
  typeof found === 'object' && found !== null && 'createCipheriv' in found && 'createSecretKey' in found;

const hasArgon2 = (found: object): found is NodeArgon2 => 'argon2' in found;

/** Returns node:crypto; undefined in browsers, in workers, and in Node before 20.16. */
export function findNodeCrypto(): NodeCrypto | undefined {
  const host: unknown = Reflect.get(globalThis, 'process');
  if (typeof host !== 'object' || host === null || !('getBuiltinModule' in host)) return undefined;
  if (typeof host.getBuiltinModule !== 'function') return undefined;
  const found: unknown = host.getBuiltinModule('node:crypto');
  return isNodeCrypto(found) ? found : undefined;
}

/** Returns node:crypto if it has Argon2id. */
export function findNodeArgon2(): NodeArgon2 | undefined {
  const node = findNodeCrypto();
  return node !== undefined && hasArgon2(node) ? node : undefined;
}
