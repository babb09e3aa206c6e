/** P-256: the published vectors, and the stricter form that the vault requires. */
import { createECDH, createPublicKey, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { areMemberKeys } from '../../../core/devices/vault-scope.ts';
import {
  deriveSharedSecret,
  exportScalar,
  generateKeyPair,
  importKeyPair,
  importVerificationKey,
  isCurvePoint,
  isLowSSignature,
  signMessage,
  verifyMessage,
} from '../../../core/hazmat/p256.ts';
import { wycheproof } from '../published-vectors.ts';
import { groupOrder } from './p256-order.ts';

interface Jwk {
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly d?: string;
}
interface EcdhVector {
  readonly tcId: number;
  readonly flags: readonly string[];
  readonly public: Jwk;
  readonly private: Jwk;
  readonly shared: string;
  readonly result: 'valid' | 'invalid';
}
interface EcdsaVector {
  readonly tcId: number;
  readonly msg: string;
  readonly sig: string;
  readonly result: 'valid' | 'invalid';
}

const decode = (text = ''): Buffer => Buffer.from(text, 'base64url');
const pointOf = ({ x, y }: Jwk): Buffer => Buffer.concat([Buffer.of(4), decode(x), decode(y)]);
const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const integer = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
const scalar = (value: bigint): Buffer => hex(value.toString(16).padStart(64, '0'));

describe('Wycheproof', () => {
  test('ECDH: every shared secret comes out, and every point off the curve is refused', async () => {
    const vectors = wycheproof<EcdhVector>('ecdh_secp256r1_webcrypto_test').flatMap(({ tests }) => tests);
    expect(vectors).toHaveLength(353);
    for (const vector of vectors) {
      const point = pointOf(vector.public);
      if (vector.result === 'invalid') {
        expect(isCurvePoint(point), `${vector.tcId}`).toBe(false);
        continue;
      }
      const { privateKey } = await importKeyPair('ECDH', pointOf(vector.private), decode(vector.private.d));
      expect(Buffer.from(await deriveSharedSecret(privateKey, point)).toString('hex')).toBe(vector.shared);
    }
  });

  test('ECDSA: exactly the valid signatures with s in the lower half verify; the others after s was lowered', async () => {
    const groups = wycheproof<EcdsaVector>('ecdsa_secp256r1_sha256_p1363_test') as readonly EcdsaGroup[];
    const counts = { low: 0, high: 0, invalid: 0 };
    for (const { publicKey, tests } of groups) {
      const key = await importVerificationKey(hex(publicKey.uncompressed));
      for (const vector of tests) counts[await checkSignature(key, vector)]++;
    }
    expect(counts.low + counts.high + counts.invalid).toBe(262);
    expect(Math.min(counts.low, counts.high, counts.invalid)).toBeGreaterThan(50);
  });
});

interface EcdsaGroup {
  readonly publicKey: { readonly uncompressed: string };
  readonly tests: readonly EcdsaVector[];
}

async function checkSignature(key: CryptoKey, { tcId, msg, sig, result }: EcdsaVector) {
  const signature = hex(sig);
  const isLow = isLowSSignature(signature);
  expect(await verifyMessage(key, hex(msg), signature), `${tcId}`).toBe(result === 'valid' && isLow);
  if (result === 'invalid') return 'invalid';
  if (isLow) return 'low';
  const lowered = Buffer.concat([signature.subarray(0, 32), scalar(groupOrder - integer(signature.subarray(32)))]);
  expect(await verifyMessage(key, hex(msg), lowered), `${tcId} lowered`).toBe(true);
  return 'high';
}

describe('signatures', () => {
  test('are always in the lower half, and verify with an independent implementation', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ECDSA', false);
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      x: Buffer.from(publicKey.subarray(1, 33)).toString('base64url'),
      y: Buffer.from(publicKey.subarray(33)).toString('base64url'),
    };
    const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const;
    for (let n = 0; n < 64; n++) {
      const message = Buffer.of(n);
      const signature = await signMessage(privateKey, message);
      expect(integer(signature.subarray(32)) <= groupOrder / 2n).toBe(true);
      expect(verify('sha256', message, key, signature)).toBe(true);
    }
  });

  test('r and s outside of their ranges are refused', () => {
    const half = groupOrder / 2n;
    const form = (r: bigint, s: bigint) => isLowSSignature(Buffer.concat([scalar(r), scalar(s)]));
    expect([form(1n, 1n), form(groupOrder - 1n, half)]).toEqual([true, true]);
    expect([form(0n, 1n), form(1n, 0n), form(groupOrder, 1n), form(1n, half + 1n)]).toEqual(Array(4).fill(false));
    expect(isLowSSignature(new Uint8Array(63).fill(1))).toBe(false);
  });

  test('the upper half is refused although another library accepts it', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ECDSA', true);
    const low = await signMessage(privateKey, Buffer.from('m'));
    const high = Buffer.concat([low.subarray(0, 32), scalar(groupOrder - integer(low.subarray(32)))]);
    const key = await importVerificationKey(publicKey);
    expect(await verifyMessage(key, Buffer.from('m'), low)).toBe(true);
    expect(await verifyMessage(key, Buffer.from('m'), high)).toBe(false);
    const raw = { name: 'ECDSA', hash: 'SHA-256' };
    expect(await crypto.subtle.verify(raw, key, high, Buffer.from('m'))).toBe(true);
  });
});

describe('points', () => {
  const ecdh = createECDH('prime256v1');
  ecdh.generateKeys();
  const point = ecdh.getPublicKey();

  test('every encoding but the uncompressed one of a point on the curve is refused', async () => {
    expect(isCurvePoint(point)).toBe(true);
    const offCurve = Buffer.from(point);
    offCurve[64] = (offCurve[64] ?? 0) ^ 1;
    const hybrid = Buffer.from(point);
    hybrid[0] = 6;
    const fieldPrime = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
    // (0, √b) is on the curve. X = p is the same residue in another spelling.
    const y = hex('66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4');
    const zero = Buffer.concat([Buffer.of(4), scalar(0n), y]);
    const unreduced = Buffer.concat([Buffer.of(4), scalar(fieldPrime), y]);
    const compressed = ecdh.getPublicKey(null, 'compressed');
    expect(isCurvePoint(zero)).toBe(true);
    for (const bad of [offCurve, hybrid, unreduced, compressed, Buffer.of(0), Buffer.alloc(65), Buffer.alloc(65, 4)]) {
      expect(isCurvePoint(bad)).toBe(false);
      await expect(importVerificationKey(bad)).rejects.toThrow(RangeError);
      const { privateKey } = await generateKeyPair('ECDH', false);
      await expect(deriveSharedSecret(privateKey, bad)).rejects.toThrow(RangeError);
    }
  });

  test('the two keys of a member are different points', () => {
    const other = createECDH('prime256v1');
    other.generateKeys();
    const keys = { ecdh: new Uint8Array(point), ecdsa: new Uint8Array(other.getPublicKey()) };
    expect(areMemberKeys(keys)).toBe(true);
    expect(areMemberKeys({ ...keys, ecdsa: keys.ecdh })).toBe(false);
    expect(areMemberKeys({ ...keys, ecdsa: new Uint8Array(65) })).toBe(false);
  });

  test('a scalar leaves and enters as bytes, and a pair that does not belong together is refused', async () => {
    for (const name of ['ECDH', 'ECDSA'] as const) {
      const pair = await generateKeyPair(name, true);
      const d = await exportScalar(pair.privateKey);
      const imported = await importKeyPair(name, pair.publicKey, d);
      expect(imported.privateKey.extractable).toBe(false);
      const other = await generateKeyPair(name, true);
      await expect(importKeyPair(name, other.publicKey, d)).rejects.toThrow(RangeError);
      for (const bad of [scalar(0n), scalar(groupOrder), d.subarray(1)]) {
        await expect(importKeyPair(name, pair.publicKey, bad)).rejects.toThrow(RangeError);
      }
      const closed = await generateKeyPair(name, false);
      await expect(exportScalar(closed.privateKey)).rejects.toThrow('not extractable');
    }
  });
});
