/**
 * Ed25519 (RFC 8032) and X25519 (RFC 7748) of node:crypto, for code that also runs in browsers. They take a fifth to
 * a fifteenth of the time of the portable ones, and OpenSSL cleanses the keys that it holds.
 */
import { type Bytes, toNonSharedBytes } from '../encoding/bytes.ts';
import { findNodeCurveModule, type NodeCurveModule, type NodeKey } from './optional-node-crypto.ts';

export interface NodeCurves {
  /** The public key of a seed of 32 bytes. */
  ed25519PublicKey(seed: Uint8Array): Bytes;
  signEd25519(seed: Uint8Array, message: Uint8Array): Bytes;
  /** By the equation without the factor 8. It does not refuse keys of low or mixed order. */
  verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  x25519PublicKey(secret: Uint8Array): Bytes;
  /** @throws Error of node:crypto if the result is zero */
  x25519SharedSecret(secret: Uint8Array, publicKey: Uint8Array): Bytes;
}

/** Algorithm identifiers of RFC 8410, the last byte of the object identifier. */
const ed25519 = 0x70;
const x25519 = 0x6e;

/** DER of RFC 8410: PKCS #8 or SubjectPublicKeyInfo, which end with the 32 bytes of the key. */
const derOf = (start: readonly number[], curve: number, end: readonly number[], key: Uint8Array): Bytes =>
  Uint8Array.of(0x30, ...start, 0x30, 5, 6, 3, 0x2b, 0x65, curve, ...end, ...key);

function curvesOf(node: NodeCurveModule): NodeCurves {
  const privateKey = (curve: number, bytes: Uint8Array): NodeKey => {
    const key = derOf([0x2e, 2, 1, 0], curve, [4, 0x22, 4, 0x20], bytes);
    try {
      return node.createPrivateKey({ key, format: 'der', type: 'pkcs8' });
    } finally {
      key.fill(0);
    }
  };
  const publicKey = (curve: number, bytes: Uint8Array): NodeKey =>
    node.createPublicKey({ key: derOf([0x2a], curve, [3, 0x21, 0], bytes), format: 'der', type: 'spki' });
  const publicBytes = (curve: number, secret: Uint8Array): Bytes =>
    toNonSharedBytes(
      node.createPublicKey(privateKey(curve, secret)).export({ format: 'der', type: 'spki' }).slice(-32),
    );
  return {
    ed25519PublicKey: (seed) => publicBytes(ed25519, seed),
    signEd25519: (seed, message) => toNonSharedBytes(node.sign(null, message, privateKey(ed25519, seed))),
    verifyEd25519: (key, message, signature) => node.verify(null, message, publicKey(ed25519, key), signature),
    x25519PublicKey: (secret) => publicBytes(x25519, secret),
    x25519SharedSecret: (secret, key) =>
      toNonSharedBytes(
        node.diffieHellman({ privateKey: privateKey(x25519, secret), publicKey: publicKey(x25519, key) }),
      ),
  };
}

/** Whether all functions work. Other runtimes have modules of this name that lack some. */
function work(curves: NodeCurves): boolean {
  const secret = new Uint8Array(32).fill(1);
  try {
    return (
      curves.verifyEd25519(curves.ed25519PublicKey(secret), secret, curves.signEd25519(secret, secret)) &&
      curves.x25519SharedSecret(secret, curves.x25519PublicKey(secret)).length === 32
    );
  } catch {
    return false;
  }
}

let curves: NodeCurves | false | undefined;

/** Undefined in browsers and workers, and where node:crypto lacks one of the functions. */
export function findNodeCurves(): NodeCurves | undefined {
  const node = findNodeCurveModule();
  if (node === undefined) return undefined;
  if (curves === undefined) {
    const found = curvesOf(node);
    curves = work(found) && found;
  }
  return curves || undefined;
}
