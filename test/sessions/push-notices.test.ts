/** Push notices: which endpoints and addresses are public, what is sent, and what is signed. */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer as httpsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { setDefaultCACertificates } from 'node:tls';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { assembleCompactJws, jwsSigningInput, publicJwkFromSpki } from '../../core/signing/jws.ts';
import type { Network } from '../../egress/exchange/outbound-http.ts';
import { isPublicAddress } from '../../egress/rules/public-addresses.ts';
import { parsePushEndpoint } from '../../lambdas/relay/push-endpoint.ts';
import { httpsNotices } from '../../lambdas/relay/stores/https-notices.ts';
import { WebPush } from '../../lambdas/relay/web-push.ts';
import { selfSigned } from '../egress/self-signed-certificate.ts';

const publicAddress = '93.184.216.34';

describe('an address', () => {
  test.each([publicAddress, '1.1.1.1', '8.8.8.8', '2606:4700:4700::1111', '2a00:1450:4001::200e'])(
    '%s is public',
    (address) => expect(isPublicAddress(address)).toBe(true),
  );

  test.each([
    ...[
      '0.0.0.0',
      '10.1.2.3',
      '100.64.0.1',
      '127.0.0.1',
      '127.8.8.8',
      '169.254.169.254',
      '172.16.0.1',
      '172.31.255.255',
    ],
    ...['192.0.0.1', '192.0.2.1', '192.168.1.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '224.0.0.1', '240.0.0.1'],
    ...[
      '255.255.255.255',
      '::',
      '::1',
      'fc00::1',
      'fd00:ec2::254',
      'fe80::1',
      'ff02::1',
      '64:ff9b::a00:1',
      '2002:a00:1::',
    ],
    ...['::ffff:10.0.0.1', '::ffff:8.8.8.8', '2001::1', '2001:db8::1', '3fff::1', '', 'x', '08.8.8.8', '8.8.8.8:443'],
  ])('%s is not', (address) => expect(isPublicAddress(address)).toBe(false));
});

describe('an endpoint', () => {
  test.each([
    'https://fcm.googleapis.com/fcm/send/a:b-c_d',
    'https://updates.push.services.mozilla.com/wpush/v2/gAAAA',
    'https://web.push.apple.com/QNx?x=1&y=2',
    'https://wns2-par02p.notify.windows.com/w/?token=BQ',
    'https://push.provider.net:443/x',
  ])('%s is taken', (endpoint) => expect(parsePushEndpoint(endpoint)?.protocol).toBe('https:'));

  test('never has a host that is an address, in any spelling of it', () => {
    const part = fc.oneof(
      fc.nat(255).map(String),
      fc.nat(255).map((n) => `0x${n.toString(16)}`),
      fc.nat(0xffffffff).map(String),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '.'), (parts, dot) => {
        expect(parsePushEndpoint(`https://${parts.join('.')}${dot}/x`)).toBeUndefined();
      }),
    );
  });

  test('that is taken is the same after it is parsed again, and has a public name', () => {
    fc.assert(
      fc.property(fc.webUrl({ validSchemes: ['https'], withQueryParameters: true }), (text) => {
        const url = parsePushEndpoint(text);
        if (url === undefined) return;
        expect(parsePushEndpoint(url.href)?.href).toBe(url.href);
        expect(url.hostname).toMatch(/\..*[a-z]/);
      }),
    );
  });
});

interface Received {
  readonly request: IncomingMessage;
  readonly body: string;
}

describe('C1: the request', () => {
  const { key, cert } = selfSigned(['push.provider.net'], []);
  const received: Received[] = [];
  let respond: (path: string) => { status: number; headers?: Record<string, string> } = () => ({ status: 201 });
  const server = httpsServer({ key, cert }, (request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      received.push({ request, body });
      const { status, headers } = respond(request.url ?? '');
      response.writeHead(status, headers).end('ignored');
    });
  });
  /** Connects to the server of the test in place of the address, and trusts its certificate. */
  let asked: string[] = [];
  const network = (addresses: readonly string[]): Network => ({
    resolve: async (host) => {
      asked.push(host);
      return [...addresses];
    },
    dial: (address) => {
      asked.push(address);
      return connect((server.address() as AddressInfo).port, '127.0.0.1');
    },
  });
  beforeAll(async () => {
    setDefaultCACertificates([cert]);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  beforeEach(() => {
    received.splice(0);
    asked = [];
    respond = () => ({ status: 201 });
  });
  afterAll(() => server.close());
  const url = new URL('https://push.provider.net/send/x?y=z');

  test('has an empty body, and goes to the address that was checked', async () => {
    expect(await httpsNotices(network([publicAddress]))(url, { ttl: '86400' })).toBe(201);
    expect(asked).toEqual(['push.provider.net', publicAddress]);
    expect(received).toMatchObject([
      { body: '', request: { method: 'POST', headers: { 'content-length': '0', ttl: '86400' } } },
    ]);
  });

  test.each([
    ['a private address', ['10.0.0.1']],
    ['this machine', ['127.0.0.1']],
    ['the metadata service', ['169.254.169.254']],
    ['a private address among public ones', [publicAddress, '192.168.0.1']],
    ['no address', []],
  ])('is not sent to a name with %s', async (_, addresses) => {
    await expect(httpsNotices(network(addresses))(url, {})).rejects.toMatchObject({
      name: 'OutboundRequestError',
      stage: 'address',
    });
    expect(asked).toEqual(['push.provider.net']);
    expect(received).toEqual([]);
  });

  test('is not sent again to where a redirect leads', async () => {
    respond = () => ({ status: 307, headers: { location: 'https://push.provider.net/other' } });
    expect(await httpsNotices(network([publicAddress]))(url, {})).toBe(307);
    expect(received).toHaveLength(1);
  });

  test('fails if the certificate is not one of the name', async () => {
    const other = selfSigned(['other.provider.net'], []);
    setDefaultCACertificates([other.cert]);
    await expect(httpsNotices(network([publicAddress]))(url, {})).rejects.toThrow('certificate');
    setDefaultCACertificates([cert]);
    const wrong = new URL('https://wrong.provider.net/x');
    await expect(httpsNotices(network([publicAddress]))(wrong, {})).rejects.toThrow('certificate');
    expect(received).toEqual([]);
  });
});

describe('the header of RFC 8292', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = publicJwkFromSpki(publicKey.export({ format: 'der', type: 'spki' }));
  let signatures = 0;
  const signer = {
    list: async () => [jwk],
    sign: async (payload: object, typ: string) => {
      signatures += 1;
      const input = jwsSigningInput(payload, typ, jwk.kid);
      return assembleCompactJws(input, sign('sha256', Buffer.from(input), privateKey));
    },
  };
  const sent: { url: URL; headers: Readonly<Record<string, string>> }[] = [];
  let status = 201;
  let now = Date.parse('2026-11-30T12:00:00Z');
  const push = new WebPush({
    signer,
    contact: 'https://open.example.com',
    now: () => now,
    post: async (url, headers) => {
      sent.push({ url, headers });
      return status;
    },
  });
  beforeEach(() => {
    sent.splice(0);
    status = 201;
  });

  /** The key of the parameter `k`, as a push service reads it. */
  const keyOf = (point: Buffer): KeyObject =>
    createPublicKey({
      key: {
        kty: 'EC',
        crv: 'P-256',
        x: point.subarray(1, 33).toString('base64url'),
        y: point.subarray(33).toString('base64url'),
      },
      format: 'jwk',
    });

  test('is what a push service verifies: audience, at most 24 hours, contact, signature and key', async () => {
    expect(await push.notify('https://push.provider.net/send/x?secret=y')).toBe('sent');
    const [, token = '', k = ''] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(sent[0]?.headers.authorization ?? '') ?? [];
    const [header = '', payload = '', signature = ''] = token.split('.');
    const parse = (text: string): unknown => JSON.parse(Buffer.from(text, 'base64url').toString());
    expect(parse(header)).toMatchObject({ typ: 'JWT', alg: 'ES256' });
    const exp = Math.floor(now / 1000) + 43_200;
    expect(parse(payload)).toEqual({ aud: 'https://push.provider.net', exp, sub: 'https://open.example.com' });
    const point = Buffer.from(k, 'base64url');
    expect([point.length, point[0]]).toEqual([65, 4]);
    const verifier = { key: keyOf(point), dsaEncoding: 'ieee-p1363' as const };
    expect(verify('sha256', Buffer.from(`${header}.${payload}`), verifier, Buffer.from(signature, 'base64url'))).toBe(
      true,
    );
  });

  test('is signed once for each push service in six hours, and never for another one', async () => {
    const before = signatures;
    for (const path of ['a', 'b']) await push.notify(`https://one.provider.net/${path}`);
    await push.notify('https://two.provider.net/a');
    expect(signatures - before).toBe(2);
    const [first, second, other] = sent.map(({ headers }) => headers.authorization);
    expect(first).toBe(second);
    expect(first).not.toBe(other);
    now += 21_601_000;
    await push.notify('https://one.provider.net/a');
    expect(signatures - before).toBe(3);
  });

  test.each([
    [200, 'sent'],
    [202, 'sent'],
    [404, 'gone'],
    [410, 'gone'],
    [301, 'failed'],
    [400, 'failed'],
    [403, 'failed'],
    [429, 'failed'],
    [503, 'failed'],
  ] as const)('an answer with %i means %s', async (answered, delivery) => {
    status = answered;
    expect(await push.notify('https://push.provider.net/x')).toBe(delivery);
  });

  test('is sent to no endpoint that the service would not take, whatever the table says', async () => {
    for (const endpoint of ['http://push.provider.net/x', 'https://10.0.0.1/x', 'x', ''])
      expect(await push.notify(endpoint)).toBe('failed');
    expect(sent).toEqual([]);
  });
});
