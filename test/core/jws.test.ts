import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { calculateJwkThumbprint, compactVerify, importJWK } from 'jose';
import { describe, expect, test } from 'vitest';
import {
  assembleCompactJws,
  jwsSigningInput,
  type PublicJwk,
  publicJwkFromSpki,
  verifyJws,
} from '../../core/signing/jws.ts';

const typ = 'anima-test+jws';
const payload = { org: '0123456789abcdef', list: [1, 'two', null], nested: { b: 'é', a: true } };

function keyPair(): { privateKey: KeyObject; jwk: PublicJwk } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, jwk: publicJwkFromSpki(publicKey.export({ format: 'der', type: 'spki' })) };
}

function signed({ privateKey, jwk }: ReturnType<typeof keyPair>, type = typ): string {
  const input = jwsSigningInput(payload, type, jwk.kid);
  return assembleCompactJws(input, sign('sha256', Buffer.from(input), privateKey));
}

const pair = keyPair();
const good = signed(pair);
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

describe('a signed statement', () => {
  test('verifies with an independent JOSE library and with ours, 500 signatures of all lengths of r and s', async () => {
    const key = await importJWK({ ...pair.jwk });
    for (let n = 0; n < 500; n++) {
      const jws = signed(pair);
      expect(verifyJws(jws, [pair.jwk], typ)).toEqual(payload);
      const result = await compactVerify(jws, key, { algorithms: ['ES256'] });
      expect(JSON.parse(Buffer.from(result.payload).toString())).toEqual(payload);
      expect(result.protectedHeader).toEqual({ alg: 'ES256', kid: pair.jwk.kid, typ });
    }
  });

  test('names its key by the thumbprint of RFC 7638', async () => {
    expect(pair.jwk.kid).toBe(await calculateJwkThumbprint({ ...pair.jwk }));
  });

  test('does not verify with any one character changed to any other', () => {
    for (let at = 0; at < good.length; at++) {
      for (const other of alphabet) {
        if (other === good[at]) continue;
        const changed = good.slice(0, at) + other + good.slice(at + 1);
        // For the long middle part, one in eight characters is tried at each position. For both ends, all are tried.
        if (at > 40 && at < good.length - 4 && alphabet.indexOf(other) % 8 !== at % 8) continue;
        expect(verifyJws(changed, [pair.jwk], typ), `${other} at ${at}`).toBeUndefined();
      }
    }
  });

  test('does not verify by another key, as another kind, unsigned, or cut', () => {
    const [header = '', content = '', signature = ''] = good.split('.');
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
    const forged = { ...keyPair().jwk, kid: pair.jwk.kid };
    for (const [jws, keys, type] of [
      [good, [keyPair().jwk], typ],
      [good, [forged], typ],
      [good, [], typ],
      [good, [pair.jwk], 'anima-other+jws'],
      [signed(pair, 'anima-other+jws'), [pair.jwk], typ],
      [`${unsigned}.${content}.`, [pair.jwk], typ],
      [`${header}.${content}`, [pair.jwk], typ],
      [`${good}.`, [pair.jwk], typ],
      [`${header}.${content}.${signature}=`, [pair.jwk], typ],
      ['', [pair.jwk], typ],
    ] as const) {
      expect(verifyJws(jws, keys, type)).toBeUndefined();
    }
  });
});

test('a key of another curve, and a signature that is none, are refused', () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  expect(() => publicJwkFromSpki(publicKey.export({ format: 'der', type: 'spki' }))).toThrow(RangeError);
  const der = sign('sha256', Buffer.from('x'), pair.privateKey);
  for (const bad of [der.subarray(1), der.subarray(0, -1), Buffer.concat([der, Buffer.alloc(1)]), Buffer.alloc(0)]) {
    expect(() => assembleCompactJws('a.b', bad)).toThrow(RangeError);
  }
});
