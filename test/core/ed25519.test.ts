/** Ed25519 and BLAKE2b-256: published vectors, independent implementations, and the strict rule of verification. */
import { createPublicKey, sign, verify } from 'node:crypto';
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import sodium from 'libsodium-wrappers-sumo';
import { beforeAll, describe, expect, test } from 'vitest';
import { concatBytes } from '../../core/encoding/bytes.ts';
import { blake2b256 } from '../../core/hazmat/blake2b.ts';
import {
  ed25519KeyPairOf,
  generateEd25519KeyPair,
  isEd25519PublicKey,
  signEd25519,
  verifyEd25519,
} from '../../core/hazmat/ed25519.ts';
import { findNodeCurves } from '../../core/hazmat/node-curves.ts';
import { describeOnBothPlatforms, onPlatform } from './both-platforms.ts';
import { hex, wycheproof } from './published-vectors.ts';

interface Vector {
  readonly tcId: number;
  readonly msg: string;
  readonly sig: string;
  readonly result: 'valid' | 'invalid';
}
interface Group {
  readonly publicKey: { readonly pk: string };
  readonly tests: readonly Vector[];
}

const message = Buffer.from('message');
const pair = generateEd25519KeyPair();
const nodeKey = (publicKey: Uint8Array) =>
  createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') },
    format: 'jwk',
  });

beforeAll(async () => {
  await sodium.ready;
});

describeOnBothPlatforms(() => {
  test('Wycheproof: exactly the valid signatures verify, and every public key is accepted', () => {
    const groups = wycheproof<Vector>('ed25519_test') as unknown as readonly Group[];
    const counts = { valid: 0, invalid: 0 };
    for (const { publicKey, tests } of groups) {
      expect(isEd25519PublicKey(hex(publicKey.pk))).toBe(true);
      for (const { tcId, msg, sig, result } of tests) {
        expect(verifyEd25519(hex(publicKey.pk), hex(msg), hex(sig)), `${tcId}`).toBe(result === 'valid');
        counts[result]++;
      }
    }
    expect(counts).toEqual({ valid: 88, invalid: 63 });
  });

  describe('independent implementations', () => {
    test('node:crypto and libsodium make and verify the same signatures', () => {
      fc.assert(
        fc.property(
          fc.uint8Array({ minLength: 32, maxLength: 32 }),
          fc.uint8Array({ maxLength: 300 }),
          (seed, text) => {
            const keys = ed25519KeyPairOf(seed);
            const signature = signEd25519(keys.seed, text);
            const { publicKey, privateKey } = sodium.crypto_sign_seed_keypair(seed);
            expect(Buffer.from(publicKey)).toEqual(Buffer.from(keys.publicKey));
            expect(Buffer.from(sodium.crypto_sign_detached(text, privateKey))).toEqual(Buffer.from(signature));
            expect(verify(null, text, nodeKey(publicKey), signature)).toBe(true);
          },
        ),
        { numRuns: 40 },
      );
    });

    test('a signature of node:crypto verifies, and no longer after one bit of it, the key or the message is changed', () => {
      const pkcs8 = Buffer.concat([hex('302e020100300506032b657004220420'), pair.seed]);
      const signature = sign(null, message, { key: pkcs8, format: 'der', type: 'pkcs8' });
      const flipped = (bytes: Uint8Array, bit: number) =>
        bytes.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      expect(verifyEd25519(pair.publicKey, message, signature)).toBe(true);
      for (let bit = 0; bit < 512; bit += 5)
        expect(verifyEd25519(pair.publicKey, message, flipped(signature, bit))).toBe(false);
      for (let bit = 0; bit < 256; bit += 9)
        expect(verifyEd25519(flipped(pair.publicKey, bit), message, signature)).toBe(false);
      expect(verifyEd25519(pair.publicKey, flipped(message, 3), signature)).toBe(false);
    });

    test('BLAKE2b-256 is that of libsodium for every length up to three blocks', () => {
      const bytes = Uint8Array.from({ length: 385 }, (_, at) => (at * 7) & 255);
      for (let length = 0; length <= 385; length++)
        expect(Buffer.from(blake2b256(bytes.subarray(0, length)))).toEqual(
          Buffer.from(sodium.crypto_generichash(32, bytes.subarray(0, length), null)),
        );
    });
  });

  describe('keys and signatures on which implementations differ', () => {
    const torsion = ED25519_TORSION_SUBGROUP.map((encoded) => ed25519.Point.fromHex(encoded));
    const { scalar } = ed25519.utils.getExtendedPublicKey(pair.seed);
    const order = ed25519.Point.Fn.ORDER;
    const littleEndian = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);

    /** A signature whose R has a component of low order: the equation holds only with the factor 8. */
    function signWithTorsion(component: (typeof torsion)[number]): Uint8Array {
      const nonce = 123_456_789n;
      const encodedR = ed25519.Point.BASE.multiply(nonce).add(component).toBytes();
      const k = littleEndian(sha512(concatBytes(encodedR, pair.publicKey, message))) % order;
      const s = (nonce + k * scalar) % order;
      return concatBytes(encodedR, hex(s.toString(16).padStart(64, '0')).reverse());
    }

    test('a signature whose R is of mixed order is refused, although the library alone accepts it', () => {
      const agreed = torsion.map((component) => {
        const signature = signWithTorsion(component);
        expect(ed25519.verify(signature, message, pair.publicKey, { zip215: false })).toBe(true);
        const isAccepted = verifyEd25519(pair.publicKey, message, signature);
        expect(verify(null, message, nodeKey(pair.publicKey), signature)).toBe(isAccepted);
        return isAccepted;
      });
      expect(agreed.filter(Boolean)).toHaveLength(1);
    });

    test('keys of low order, of mixed order, off the curve, and in another encoding are refused', () => {
      const point = ed25519.Point.fromBytes(pair.publicKey);
      expect(isEd25519PublicKey(pair.publicKey)).toBe(true);
      for (const component of torsion) {
        expect(isEd25519PublicKey(component.toBytes())).toBe(false);
        expect(isEd25519PublicKey(point.add(component).toBytes())).toBe(component.is0());
      }
      // y = 2^255 − 18, which is 1 in another spelling; and y = 2, which is not on the curve.
      const unreduced = hex(`ee${'ff'.repeat(30)}7f`);
      for (const bad of [unreduced, hex(`02${'00'.repeat(31)}`), pair.publicKey.subarray(1), new Uint8Array(33)])
        expect(isEd25519PublicKey(bad)).toBe(false);
    });

    test('a key of low order verifies nothing: neither an all-zero signature nor one of itself', () => {
      for (const component of torsion) {
        const key = component.toBytes();
        for (const signature of [new Uint8Array(64), concatBytes(key, new Uint8Array(32))])
          expect(verifyEd25519(key, message, signature)).toBe(false);
      }
    });

    test('a key of mixed order verifies nothing, although its signature fulfills the equation', () => {
      for (const component of torsion.filter((one) => !one.is0())) {
        const key = ed25519.Point.fromBytes(pair.publicKey).add(component).toBytes();
        // The component vanishes in the equation if the factor of the key is a multiple of 8.
        const signature = Array.from({ length: 200 }, (_, at) => BigInt(at + 1)).flatMap((nonce) => {
          const r = ed25519.Point.BASE.multiply(nonce).toBytes();
          const k = littleEndian(sha512(concatBytes(r, key, message))) % order;
          const s = (nonce + k * scalar) % order;
          return k % 8n === 0n ? [concatBytes(r, hex(s.toString(16).padStart(64, '0')).reverse())] : [];
        })[0];
        if (signature === undefined) expect.fail('no nonce found');
        expect(ed25519.verify(signature, message, key, { zip215: false })).toBe(true);
        expect(verifyEd25519(key, message, signature)).toBe(false);
      }
    });

    test('S + L, which is the same scalar, is refused', () => {
      const signature = signEd25519(pair.seed, message);
      const s = littleEndian(signature.subarray(32)) + order;
      const malleable = concatBytes(signature.subarray(0, 32), hex(s.toString(16).padStart(64, '0')).reverse());
      expect(verifyEd25519(pair.publicKey, message, malleable)).toBe(false);
    });
  });
});

test('both platforms judge every signature alike, whatever is wrong with it, and find a key in use', () => {
  const torsion = ED25519_TORSION_SUBGROUP.map((encoded) => ed25519.Point.fromHex(encoded));
  const point = ed25519.Point.fromBytes(pair.publicKey);
  const key = fc.constantFrom(...torsion.flatMap((one) => [one, point.add(one)]).map((one) => one.toBytes()));
  const firstHalf = fc.oneof(key, fc.constant(signEd25519(pair.seed, message).subarray(0, 32)));
  const secondHalf = fc.oneof(
    fc.constant(signEd25519(pair.seed, message).subarray(32)),
    fc.constant(new Uint8Array(32)),
    fc.uint8Array({ minLength: 32, maxLength: 32 }),
  );
  fc.assert(
    fc.property(key, firstHalf, secondHalf, (publicKey, r, s) => {
      const verdict = () => verifyEd25519(publicKey, message, concatBytes(r, s));
      expect(onPlatform('node:crypto', verdict)).toBe(onPlatform('portable code', verdict));
    }),
    { numRuns: 200 },
  );
  expect(findNodeCurves()).toBeDefined();
  expect(onPlatform('portable code', findNodeCurves)).toBeUndefined();
});
