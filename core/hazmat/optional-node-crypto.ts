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
  hkdfSync(digest: 'sha256', key: NodeKey, salt: Uint8Array, info: Uint8Array, length: number): ArrayBuffer;
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
/** Ed25519 and X25519 of node:crypto. */
export interface NodeCurveModule {
  createPrivateKey(input: { key: Uint8Array; format: 'der'; type: 'pkcs8' }): NodeKey;
  createPublicKey(input: { key: Uint8Array; format: 'der'; type: 'spki' } | NodeKey): NodeKey & {
    export(options: { format: 'der'; type: 'spki' }): Uint8Array;
  };
  sign(algorithm: null, message: Uint8Array, key: NodeKey): Uint8Array;
  verify(algorithm: null, message: Uint8Array, key: NodeKey, signature: Uint8Array): boolean;
  diffieHellman(keys: { privateKey: NodeKey; publicKey: NodeKey }): Uint8Array;
}
export interface NodeKey {
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
  typeof found === 'object' &&
  found !== null &&
  'createCipheriv' in found &&
  'createSecretKey' in found &&
  'hkdfSync' in found;

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

const hasCurves = (found: object): found is NodeCurveModule => 'diffieHellman' in found && 'createPrivateKey' in found;

/** Returns node:crypto if it has Ed25519 and X25519. */
export function findNodeCurveModule(): NodeCurveModule | undefined {
  const node = findNodeCrypto();
  return node !== undefined && hasCurves(node) ? node : undefined;
}
