import { createSecretKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { DecryptionError } from '../../core/decryption-error.ts';
import { gcmOpen, gcmSeal, hkdfSha256, hmacSha256, importKeyAndZero } from '../../core/hazmat/node-primitives.ts';
import { hex, wycheproof } from './published-vectors.ts';

interface GcmTest {
  readonly tcId: number;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
  readonly result: string;
}
interface HkdfTest {
  readonly tcId: number;
  readonly ikm: string;
  readonly salt: string;
  readonly info: string;
  readonly size: number;
  readonly okm: string;
  readonly result: string;
}
interface MacTest {
  readonly tcId: number;
  readonly key: string;
  readonly msg: string;
  readonly tag: string;
  readonly result: string;
}

function sealed(key: string, nonce: string, aad: string, plaintext: string): string {
  const out = Buffer.alloc(plaintext.length / 2 + 16);
  gcmSeal(createSecretKey(hex(key)), hex(nonce), hex(aad), hex(plaintext), out, 0);
  return out.toString('hex');
}

describe('AES-256-GCM', () => {
  // Test case 14 of SP 800-38D, from appendix B of McGrew and Viega.
  test('gives the published ciphertext and tag', () => {
    expect(sealed('00'.repeat(32), '00'.repeat(12), '', '00'.repeat(16))).toBe(
      'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919',
    );
  });

  test('agrees with every Wycheproof vector of 256-bit keys and 96-bit nonces', () => {
    const groups = wycheproof<GcmTest>('aes_gcm_test').filter((g) => g.keySize === 256 && g.ivSize === 96);
    let run = 0;
    for (const { tests } of groups) {
      for (const t of tests) {
        const open = () => gcmOpen(createSecretKey(hex(t.key)), hex(t.iv), hex(t.aad), hex(t.ct + t.tag));
        if (t.result === 'valid') {
          expect(sealed(t.key, t.iv, t.aad, t.msg), `vector ${t.tcId}`).toBe(t.ct + t.tag);
          expect(open().toString('hex'), `vector ${t.tcId}`).toBe(t.msg);
        } else {
          expect(open, `vector ${t.tcId}`).toThrow(DecryptionError);
        }
        run++;
      }
    }
    expect(run).toBeGreaterThan(60);
  });

  test('refuses tags that are missing or short, and nonces of another length', () => {
    const key = createSecretKey(Buffer.alloc(32));
    const none = new Uint8Array(0);
    for (const length of [0, 1, 15]) {
      expect(() => gcmOpen(key, new Uint8Array(12), none, new Uint8Array(length))).toThrow(DecryptionError);
    }
    expect(() => gcmSeal(key, new Uint8Array(16), none, none, Buffer.alloc(16), 0)).toThrow(RangeError);
    expect(() => gcmOpen(key, new Uint8Array(16), none, new Uint8Array(16))).toThrow(DecryptionError);
  });
});

describe('HKDF-SHA-256', () => {
  test('gives the output of RFC 5869, appendix A.1', () => {
    const okm = hkdfSha256(hex('0b'.repeat(22)), hex('000102030405060708090a0b0c'), hex('f0f1f2f3f4f5f6f7f8f9'), 42);
    expect(okm.toString('hex')).toBe(
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    );
  });

  test('agrees with every Wycheproof vector', () => {
    let run = 0;
    for (const { tests } of wycheproof<HkdfTest>('hkdf_sha256_test')) {
      for (const t of tests) {
        const derive = () => hkdfSha256(hex(t.ikm), hex(t.salt), hex(t.info), t.size).toString('hex');
        if (t.result === 'valid') expect(derive(), `vector ${t.tcId}`).toBe(t.okm);
        else expect(derive, `vector ${t.tcId}`).toThrow();
        run++;
      }
    }
    expect(run).toBe(86);
  });
});

describe('HMAC-SHA-256', () => {
  test('gives the output of RFC 4231, test case 2', () => {
    const mac = hmacSha256(createSecretKey(Buffer.from('Jefe')), Buffer.from('what do ya want for nothing?'));
    expect(mac.toString('hex')).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  });

  test('agrees with every Wycheproof vector', () => {
    let run = 0;
    for (const { tests, tagSize = 0 } of wycheproof<MacTest>('hmac_sha256_test')) {
      for (const t of tests) {
        const mac = hmacSha256(createSecretKey(hex(t.key)), hex(t.msg)).subarray(0, tagSize / 8);
        expect(mac.equals(hex(t.tag)), `vector ${t.tcId}`).toBe(t.result === 'valid');
        run++;
      }
    }
    expect(run).toBe(174);
  });
});

test('taking a key zeroes the bytes it came from', () => {
  const bytes = Buffer.from('01'.repeat(32), 'hex');
  const key = importKeyAndZero(bytes);
  expect(bytes.equals(Buffer.alloc(32))).toBe(true);
  expect(key.export().toString('hex')).toBe('01'.repeat(32));
});
