/** Signatures of requests: the example of docs/device-service.md, and an independent implementation of RFC 9421. */
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { httpbis } from 'http-message-signatures';
import { beforeAll, describe, expect, test } from 'vitest';
import { type DeviceKeys, publicKeysOf, toDeviceKeys } from '../../../core/devices/device-keys.ts';
import {
  parseRequestSignature,
  requestSignatureBase,
  signDeviceRequest,
  verifyDeviceRequest,
} from '../../../core/devices/request-signature.ts';
import { fromBase64, utf8Bytes } from '../../../core/encoding/bytes.ts';
import { importKeyPair } from '../../../core/hazmat/p256.ts';

const pageOf = (name: string) => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
const hex = (name: string): string =>
  new RegExp(`^${name} +=\\s(\\w+)$`, 'm').exec(pageOf('format-devices.md'))?.[1] ?? '';
const bytes = (name: string) => new Uint8Array(Buffer.from(hex(name), 'hex'));

const scope = { org: '0123456789abcdef', user: 'ghjkmnpqrstvwxyz', vault: 'v0v1v2v3v4v5v6v7' };
const target = {
  method: 'POST',
  authority: 'vault.example',
  path: '/v1/device-vaults/v0v1v2v3v4v5v6v7/log',
  query: '',
};
const body = utf8Bytes('{}');
const created = 1764547200;
let keys: DeviceKeys;

beforeAll(async () => {
  const ecdh = await importKeyPair('ECDH', bytes('A ECDH key'), bytes('A ECDH scalar'));
  keys = await toDeviceKeys(ecdh, await importKeyPair('ECDSA', bytes('A ECDSA key'), bytes('A ECDSA scalar')));
});

test('the signature base is that of docs/device-service.md, and its signature verifies', async () => {
  const [, text = ''] = /^request base *= (.*)$/m.exec(pageOf('device-service.md')) ?? [];
  const [, signature = ''] = /^request signature = (.*)$/m.exec(pageOf('device-service.md')) ?? [];
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
  const base = requestSignatureBase(target, digest, { scope, device: keys.id, created });
  expect(new TextDecoder().decode(base)).toBe(text.replaceAll('\\n', '\n'));
  const claimed = { scope, device: keys.id, created, signature: fromBase64(signature) ?? expect.fail('no base64') };
  const { ecdsa } = publicKeysOf(keys);
  expect(await verifyDeviceRequest(ecdsa, target, body, digest, claimed)).toBe(true);
});

/** The P-256 key as Node reads it. */
function nodeKeys() {
  const point = publicKeysOf(keys).ecdsa;
  const [x = '', y = ''] = [point.subarray(1, 33), point.subarray(33)].map((part) =>
    Buffer.from(part).toString('base64url'),
  );
  const jwk = { kty: 'EC', crv: 'P-256', x, y };
  const d = Buffer.from(bytes('A ECDSA scalar')).toString('base64url');
  const dsaEncoding = 'ieee-p1363' as const;
  return {
    publicKey: { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding },
    privateKey: { key: createPrivateKey({ key: { ...jwk, d }, format: 'jwk' }), dsaEncoding },
  };
}

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
/** The same signature with s in the lower half. */
function lowS(signature: Buffer): Buffer {
  const s = BigInt(`0x${signature.subarray(32).toString('hex')}`);
  const low = s > order / 2n ? order - s : s;
  return Buffer.concat([signature.subarray(0, 32), Buffer.from(low.toString(16).padStart(64, '0'), 'hex')]);
}

const urlOf = ({ authority, path, query }: typeof target) =>
  `https://${authority}${path}${query === '' ? '' : `?${query}`}`;

describe('an independent implementation of RFC 9421', () => {
  const targets = fc.record({
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
    authority: fc.constantFrom('vault.example', '127.0.0.1:8787'),
    path: fc.constantFrom('/v1/device-vaults/v0v1v2v3v4v5v6v7/log', '/v1/device-vaults/v0v1v2v3v4v5v6v7/pairings'),
    query: fc.constantFrom('', 'after=0', 'after=12&limit=3'),
  });

  test('verifies what is signed here', async () => {
    const { publicKey } = nodeKeys();
    await fc.assert(
      fc.asyncProperty(targets, fc.uint8Array({ maxLength: 50 }), async (made, content) => {
        const headers = { ...(await signDeviceRequest(keys, scope, made, content, created)) };
        const verified = await httpbis.verifyMessage(
          {
            all: true,
            keyLookup: async () => ({
              verify: async (data, signature) => verify('sha256', data, publicKey, signature),
            }),
            tolerance: 10 ** 12,
          },
          { method: made.method, url: urlOf(made), headers },
        );
        expect(verified).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('signs what is verified here, with the same fields', async () => {
    const { privateKey } = nodeKeys();
    await fc.assert(
      fc.asyncProperty(targets, fc.uint8Array({ maxLength: 50 }), async (made, content) => {
        const digest = `sha-256=:${createHash('sha256').update(content).digest('base64')}:`;
        const signed = await httpbis.signMessage(
          {
            name: 'anima',
            fields: ['@method', '@authority', '@path', '@query', 'content-digest'],
            params: ['created', 'keyid', 'alg', 'tag'],
            paramValues: { created: new Date(created * 1000), tag: 'anima-device-v1' },
            key: {
              id: [scope.org, scope.user, scope.vault, keys.id].join('.'),
              alg: 'ecdsa-p256-sha256',
              sign: async (data) => lowS(sign('sha256', data, privateKey)),
            },
          },
          { method: made.method, url: urlOf(made), headers: { 'content-digest': digest } },
        );
        const headers = Object.fromEntries(
          Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
        );
        const claimed = parseRequestSignature(headers) ?? expect.fail(JSON.stringify(headers));
        expect(claimed).toMatchObject({ scope, device: keys.id, created });
        expect(await verifyDeviceRequest(publicKeysOf(keys).ecdsa, made, content, digest, claimed)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

describe('a signature', () => {
  test('changes with every part of the request, and is then refused', async () => {
    const { ecdsa } = publicKeysOf(keys);
    const headers = await signDeviceRequest(keys, scope, target, body, created);
    const claimed = parseRequestSignature(headers) ?? expect.fail('not read');
    const digest = headers['content-digest'];
    expect(await verifyDeviceRequest(ecdsa, target, body, digest, claimed)).toBe(true);
    for (const changed of [{ method: 'PUT' }, { authority: 'a.example' }, { path: '/v1' }, { query: 'a=b' }]) {
      expect(await verifyDeviceRequest(ecdsa, { ...target, ...changed }, body, digest, claimed)).toBe(false);
    }
    expect(await verifyDeviceRequest(ecdsa, target, utf8Bytes('{ }'), digest, claimed)).toBe(false);
    expect(await verifyDeviceRequest(ecdsa, target, body, undefined, claimed)).toBe(false);
    const other = { ...claimed, created: created + 1 };
    expect(await verifyDeviceRequest(ecdsa, target, body, digest, other)).toBe(false);
    const vault = { ...claimed, scope: { ...scope, vault: '0'.repeat(16) } };
    expect(await verifyDeviceRequest(ecdsa, target, body, digest, vault)).toBe(false);
    expect(await verifyDeviceRequest(publicKeysOf(keys).ecdh, target, body, digest, claimed)).toBe(false);
  });

  test('is read in one spelling only', async () => {
    const headers = await signDeviceRequest(keys, scope, target, body, created);
    const input = headers['signature-input'];
    const others = [
      input.replace('anima=', 'sig1='),
      input.replace('(', '( '),
      input.replace(/;created=\d+/, ''),
      input.replace('created=', 'created=0'),
      input.replace(/;alg="[^"]*"/, ''),
      input.replace(/(;created=\d+)(;keyid="[^"]*")/, '$2$1'),
      `${input};nonce="x"`,
      `${input}, other=()`,
      ` ${input}`,
      '',
    ];
    for (const other of others) expect(parseRequestSignature({ ...headers, 'signature-input': other })).toBeUndefined();
    const signature = fromBase64(headers.signature.slice('anima=:'.length, -1)) ?? expect.fail('no base64');
    expect(signature).toHaveLength(64);
    for (const other of [headers.signature.slice(0, -1), `${headers.signature},`, 'anima=::', '']) {
      expect(parseRequestSignature({ ...headers, signature: other })).toBeUndefined();
    }
    expect(parseRequestSignature({})).toBeUndefined();
  });
});
