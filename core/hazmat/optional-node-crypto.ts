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
interface NodeKey {
  readonly type: 'private' | 'public' | 'secret';
}
interface NodeCipher {
  update(bytes: Uint8Array): Bytes;
  final(): Uint8Array;
  getAuthTag(): Bytes;
}
interface NodeDecipher {
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

/** Returns node:crypto; undefined in browsers, in workers, and in Node before 20.16. */
export function findNodeCrypto(): NodeCrypto | undefined {
  const host: unknown = Reflect.get(globalThis, 'process');
  if (typeof host !== 'object' || host === null || !('getBuiltinModule' in host)) return undefined;
  if (typeof host.getBuiltinModule !== 'function') return undefined;
  const found: unknown = host.getBuiltinModule('node:crypto');
  return isNodeCrypto(found) ? found : undefined;
}
