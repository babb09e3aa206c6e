/** The primitives of sessions against published vectors, and against libsodium. */
import { readFileSync } from 'node:fs';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import sodium from 'libsodium-wrappers-sumo';
import { beforeAll, describe, expect, test } from 'vitest';
import { DecryptionError } from '../../../core/decryption-error.ts';
import { blake2b256 } from '../../../core/hazmat/blake2b.ts';
import { ed25519PublicKey, signEd25519, verifyEd25519 } from '../../../core/hazmat/ed25519.ts';
import { decapsulate, encapsulate, kemPublicKey } from '../../../core/hazmat/ml-kem-768.ts';
import { x25519PublicKey, x25519SharedSecret } from '../../../core/hazmat/x25519.ts';
import { openXChaCha, sealXChaCha } from '../../../core/hazmat/xchacha20-poly1305.ts';
import { describeOnBothPlatforms } from '../both-platforms.ts';
import { hex, wycheproof } from '../published-vectors.ts';
import { seededRandom } from './session-devices.ts';

beforeAll(async () => await sodium.ready);

interface Vector {
  readonly tcId: number;
  readonly result: 'valid' | 'acceptable' | 'invalid';
}
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('Wycheproof', () => {
  describeOnBothPlatforms(() => {
    test('X25519: every secret comes out, and every all-zero one is refused', () => {
      type X = Vector & Readonly<Record<'public' | 'private' | 'shared', string>>;
      const counts = { shared: 0, refused: 0 };
      for (const vector of wycheproof<X>('x25519_test').flatMap(({ tests }) => tests)) {
        const share = () => toHex(x25519SharedSecret(hex(vector.private), hex(vector.public)));
        if (/^0+$/.test(vector.shared)) {
          expect(share, `${vector.tcId}`).toThrow(RangeError);
          counts.refused++;
        } else {
          expect(share(), `${vector.tcId}`).toBe(vector.shared);
          counts.shared++;
        }
      }
      expect(counts).toEqual({ shared: 487, refused: 31 });
    });
  });

  test('XChaCha20-Poly1305: exactly the valid ciphertexts open, and sealing gives them', () => {
    type X = Vector & Readonly<Record<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag', string>>;
    const counts = { valid: 0, invalid: 0 };
    for (const vector of wycheproof<X>('xchacha20_poly1305_test').flatMap(({ tests }) => tests)) {
      const [key, nonce, aad] = [hex(vector.key), hex(vector.iv), hex(vector.aad)];
      const open = () => toHex(openXChaCha(key, nonce, aad, hex(vector.ct + vector.tag)));
      if (vector.result === 'valid') {
        expect(open(), `${vector.tcId}`).toBe(vector.msg);
        expect(toHex(sealXChaCha(key, nonce, aad, hex(vector.msg)))).toBe(vector.ct + vector.tag);
        counts.valid++;
      } else {
        expect(open, `${vector.tcId}`).toThrow(DecryptionError);
        counts.invalid++;
      }
    }
    expect(counts).toEqual({ valid: 246, invalid: 69 });
  });

  test('ML-KEM-768: keys, secrets, implicit rejections and refusals are those of the vectors', () => {
    type X = Vector & Readonly<Record<'seed' | 'ek' | 'c' | 'K', string>>;
    const counts = { valid: 0, invalid: 0 };
    for (const vector of wycheproof<X>('mlkem_768_test').flatMap(({ tests }) => tests)) {
      const open = () => decapsulate(hex(vector.seed), hex(vector.c));
      if (vector.result === 'valid') {
        const { key, secret } = open();
        expect([toHex(key), toHex(secret)], `${vector.tcId}`).toEqual([vector.ek, vector.K]);
        counts.valid++;
      } else {
        expect(open, `${vector.tcId}`).toThrow(RangeError);
        counts.invalid++;
      }
    }
    expect(counts).toEqual({ valid: 153, invalid: 40 });
  });
});

describe('ACVP, ML-KEM-768', () => {
  type Test = Readonly<Record<'ek' | 'dk' | 'c' | 'k' | 'm' | 'd' | 'z', string>>;
  interface Group extends Readonly<Record<'ek' | 'dk', string>> {
    readonly function?: string;
    readonly tests: readonly Test[];
  }
  const file = new URL('../../vectors/acvp/ml-kem-768.json', import.meta.url);
  const [keyGen, other]: readonly { testGroups: readonly Group[] }[] = JSON.parse(readFileSync(file, 'utf8'));
  const testsOf = (name: string) => other?.testGroups.filter((group) => group.function === name) ?? [];

  test('key generation', () => {
    const tests = keyGen?.testGroups.flatMap((group) => group.tests) ?? [];
    expect(tests).toHaveLength(25);
    for (const { d, z, ek } of tests) expect(toHex(kemPublicKey(hex(d + z)))).toBe(ek.toLowerCase());
  });

  test('encapsulation', () => {
    const tests = testsOf('encapsulation').flatMap((group) => group.tests);
    expect(tests).toHaveLength(25);
    for (const { ek, m, c, k } of tests) {
      const { ciphertext, secret } = encapsulate(hex(ek), hex(m));
      expect([toHex(ciphertext), toHex(secret)]).toEqual([c.toLowerCase(), k.toLowerCase()]);
    }
  });

  test('decapsulation by the library, whose keys these vectors give without a seed', () => {
    const groups = testsOf('decapsulation');
    expect(groups.flatMap((group) => group.tests)).toHaveLength(10);
    for (const { dk, tests } of groups)
      for (const { c, k } of tests) expect(toHex(ml_kem768.decapsulate(hex(c), hex(dk)))).toBe(k.toLowerCase());
  });

  test('a key with a coefficient of the modulus or more is refused (FIPS 203 section 7.2)', () => {
    const key = kemPublicKey(new Uint8Array(64).fill(7));
    const message = new Uint8Array(32);
    for (const [low, high] of [
      [0x01, 0x0d],
      [0xff, 0x0f],
    ] as const) {
      const changed = new Uint8Array(key);
      changed[0] = low;
      changed[1] = ((changed[1] ?? 0) & 0xf0) | high;
      expect(() => encapsulate(changed, message)).toThrow(RangeError);
    }
    for (const length of [0, 1183, 1185]) {
      expect(() => encapsulate(new Uint8Array(length), message)).toThrow(RangeError);
    }
  });
});

describe('libsodium', () => {
  const random = seededRandom('libsodium');
  const lengths = [0, 1, 15, 16, 63, 64, 65, 127, 128, 129, 1_000, 4_096, 70_000];

  test('XChaCha20-Poly1305 is the same in both directions', () => {
    for (const length of lengths) {
      const [key, nonce, aad, plaintext] = [random(32), random(24), random(length % 300), random(length)];
      const sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, aad, null, nonce, key);
      expect(toHex(sealXChaCha(key, nonce, aad, plaintext))).toBe(toHex(sealed));
      expect(toHex(openXChaCha(key, nonce, aad, sealed))).toBe(toHex(plaintext));
    }
  });

  test('BLAKE2b-256 is the same', () => {
    for (const length of lengths) {
      const bytes = random(length);
      expect(toHex(blake2b256(bytes))).toBe(toHex(sodium.crypto_generichash(32, bytes, null)));
    }
  });

  describeOnBothPlatforms(() => {
    test('X25519 is the same', () => {
      for (let i = 0; i < 40; i++) {
        const [secret, other] = [random(32), random(32)];
        const key = sodium.crypto_scalarmult_base(other);
        expect(toHex(x25519PublicKey(other))).toBe(toHex(key));
        expect(toHex(x25519SharedSecret(secret, key))).toBe(toHex(sodium.crypto_scalarmult(secret, key)));
      }
    });

    test('Ed25519 is the same, and each verifies the other', () => {
      for (let i = 0; i < 20; i++) {
        const [seed, message] = [random(32), random(i * 10)];
        const pair = sodium.crypto_sign_seed_keypair(seed);
        expect(toHex(ed25519PublicKey(seed))).toBe(toHex(pair.publicKey));
        const signature = signEd25519(seed, message);
        expect(toHex(signature)).toBe(toHex(sodium.crypto_sign_detached(message, pair.privateKey)));
        expect(verifyEd25519(pair.publicKey, message, signature)).toBe(true);
        expect(verifyEd25519(pair.publicKey, Buffer.concat([message, Buffer.of(0)]), signature)).toBe(false);
      }
    });

    test('keys of other lengths, and keys of low order, are refused', () => {
      const secret = random(32);
      for (const length of [0, 31, 33]) {
        expect(() => x25519PublicKey(random(length))).toThrow(RangeError);
        expect(() => x25519SharedSecret(secret, random(length))).toThrow(RangeError);
        expect(() => x25519SharedSecret(random(length), secret)).toThrow(RangeError);
      }
      expect(() => x25519SharedSecret(secret, new Uint8Array(32))).toThrow(RangeError);
      const identity = new Uint8Array(32);
      identity[0] = 1;
      // Without the strict rules, S = 0 and R = the neutral element verify under this key for every message.
      expect(verifyEd25519(identity, random(5), Buffer.concat([identity, new Uint8Array(32)]))).toBe(false);
    });
  });
});
