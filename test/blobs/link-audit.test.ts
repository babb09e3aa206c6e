/**
 * Audit and log of requests with a link: an audit record only if the proof is valid, one log line per request, and no
 * locator in either.
 */
import { createHash } from 'node:crypto';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { beforeEach, describe, expect, test } from 'vitest';
import { VaultError } from '../../contract/shared/vault-error.ts';
import { formatLinkId } from '../../core/blobs/share-link.ts';
import { randomId } from '../../core/encoding/random-id.ts';
import { burnLink } from '../../lambdas/blobs/handlers/burn-link.ts';
import { getLink } from '../../lambdas/blobs/handlers/get-link.ts';
import { openLink } from '../../lambdas/blobs/handlers/open-link.ts';
import { createLambdaHandler } from '../../lambdas/middleware/lambda-handler.ts';
import type { RequestLogEntry } from '../../lambdas/middleware/request-log.ts';
import { createViewerAddress } from '../../lambdas/middleware/viewer-address.ts';
import type { AuditEvent } from '../../lambdas/shared/audit-log.ts';
import { createInMemoryBlobs, proof } from './in-memory-blob-stores.ts';

const originSecret = 'the-secret-of-the-distribution';
const viewerAddress = createViewerAddress(createHash('sha256').update(originSecret).digest('hex'));

let vault: ReturnType<typeof createInMemoryBlobs>;
let audited: AuditEvent[];
let logged: RequestLogEntry[];
let auditFails: boolean;
let handler: ReturnType<typeof createLambdaHandler>;

beforeEach(() => {
  vault = createInMemoryBlobs();
  [audited, logged, auditFails] = [[], [], false];
  const trail = {
    write: async (facts: AuditEvent) => {
      if (auditFails) throw new VaultError('audit_unavailable');
      audited.push(facts);
    },
  };
  const { links } = vault;
  handler = createLambdaHandler((entry) => void logged.push(entry), trail, {
    lookAtLink: getLink(links),
    openLink: openLink(links, viewerAddress),
    burnLink: burnLink(links, viewerAddress),
  });
});

const context = { getRemainingTimeInMillis: () => 10_000 } as Context;

async function request(routeKey: string, link: string, body?: object | string, headers: object = {}) {
  const event = {
    routeKey,
    rawPath: routeKey.split(' ')[1]?.replace('{link}', link),
    pathParameters: { link },
    headers: { 'content-type': 'application/json', 'x-anima-agent': 'reader', ...headers },
    requestContext: { requestId: 'r1', http: { sourceIp: '203.0.113.7' } },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  } as unknown as APIGatewayProxyEventV2;
  const { statusCode, body: text = '' } = await handler(event, context);
  return { status: statusCode, body: JSON.parse(text) };
}
const look = (link: string) => request('GET /v1/links/{link}', link);
const open = (link: string, shown = proof('open')) => request('POST /v1/links/{link}/opening', link, { proof: shown });
const burn = (link: string, shown = proof('burn')) => request('POST /v1/links/{link}/burning', link, { proof: shown });

describe('the audit', () => {
  test('has openings and burnings whose proof held, also those that were refused then', async () => {
    const blob = await vault.ready({ burn: true });
    const link = formatLinkId(blob);
    expect((await open(link)).status).toBe(200);
    expect(await open(link)).toMatchObject({ status: 410, body: { code: 'blob_spent' } });
    expect((await burn(link)).body).toEqual({ burned: true });
    const facts = { org: vault.org, principal: 'link', name: blob.id, requestId: 'r1', sourceIp: '203.0.113.7' };
    expect(audited).toEqual([
      { ...facts, route: 'openLink', verb: 'links.open', result: 'ok', agent: 'reader' },
      { ...facts, route: 'openLink', verb: 'links.open', result: 'blob_spent', agent: 'reader' },
      { ...facts, route: 'burnLink', verb: 'links.burn', result: 'started', agent: 'reader' },
      { ...facts, route: 'burnLink', verb: 'links.burn', result: 'ok', agent: 'reader' },
    ]);
  });

  test('has nothing of who proved nothing: else a stranger could fill it', async () => {
    const blob = await vault.ready();
    const link = formatLinkId(blob);
    await look(link);
    expect((await open(link, proof('x'))).body).toMatchObject({ code: 'proof_refused', status: 403 });
    expect((await burn(link, proof('open'))).body).toMatchObject({ code: 'proof_refused' });
    expect((await open(formatLinkId({ ...blob, locator: randomId() }))).status).toBe(404);
    expect((await open('x')).body).toMatchObject({ code: 'blob_not_found' });
    expect(audited).toEqual([]);
    expect(logged.map(({ org, principal }) => [org, principal])).toEqual(Array(5).fill([undefined, undefined]));
  });

  test('must be written before an address leaves', async () => {
    const link = formatLinkId(await vault.ready());
    auditFails = true;
    const { status, body } = await open(link);
    expect([status, body.code]).toEqual([503, 'audit_unavailable']);
    expect(JSON.stringify(body)).not.toContain('https:');
  });
});

describe('the address of the viewer', () => {
  const opened = async (headers: object) => {
    const link = formatLinkId(await vault.ready());
    const { status } = await request('POST /v1/links/{link}/opening', link, { proof: proof('open') }, headers);
    expect(status).toBe(200);
    const { sourceIp, viewerIp } = audited.pop() ?? {};
    expect(sourceIp).toBe('203.0.113.7');
    expect(JSON.stringify([logged, audited])).not.toContain(originSecret);
    return viewerIp;
  };
  const [ownSecret, address] = ['x-anima-origin', 'cloudfront-viewer-address'];

  test.each([
    ['198.51.100.10:46532', '198.51.100.10'],
    ['2600:300:f:abcd::9:9985', '2600:300:f:abcd::9'],
    ['2001:0db8:85a3:0000:0000:8a2e:0370:7334:443', '2001:0db8:85a3:0000:0000:8a2e:0370:7334'],
    ['::1:1', '::1'],
  ])('%s is recorded as %s, beside that of CloudFront', async (value, expected) => {
    expect(await opened({ [ownSecret]: originSecret, [address]: value })).toBe(expected);
  });

  test('is also in both records of a burning', async () => {
    const link = formatLinkId(await vault.ready({ burn: true }));
    await open(link);
    audited.length = 0;
    const headers = { [ownSecret]: originSecret, [address]: '198.51.100.10:1' };
    await request('POST /v1/links/{link}/burning', link, { proof: proof('burn') }, headers);
    expect(audited.map(({ result, viewerIp }) => [result, viewerIp])).toEqual([
      ['started', '198.51.100.10'],
      ['ok', '198.51.100.10'],
    ]);
  });

  test.each([
    ['no secret', undefined],
    ['an empty secret', ''],
    ['another secret', `${originSecret}x`],
    ['the secret in another case', originSecret.toUpperCase()],
    ['the secret twice', `${originSecret},${originSecret}`],
    ['the hash of the secret', createHash('sha256').update(originSecret).digest('hex')],
  ])('is not recorded with %s, because anyone can send such a request', async (_, secret) => {
    expect(await opened({ [ownSecret]: secret, [address]: '198.51.100.10:46532' })).toBeUndefined();
  });

  test.each([
    ['none', undefined],
    ['an empty one', ''],
    ['one without a port', '198.51.100.10'],
    ['one with a port too large', '198.51.100.10:65536'],
    ['one with no number as port', '198.51.100.10:http'],
    ['a number too large', '198.51.100.256:1'],
    ['a name', 'example.com:443'],
    ['brackets', '[2001:db8::1]:443'],
    ['a zone', 'fe80::1%eth0:443'],
    ['two of them', '198.51.100.10:1,198.51.100.11:2'],
    ['white space', ' 198.51.100.10:1'],
    ['a line break', '198.51.100.10:1\n'],
    ['text that is long', `${'1'.repeat(5000)}:1`],
  ])('is not recorded if CloudFront sends %s, and the request succeeds', async (_, value) => {
    expect(await opened({ [ownSecret]: originSecret, [address]: value })).toBeUndefined();
  });
});

test('neither locator nor proof nor address is in the log or the audit', async () => {
  const blob = await vault.ready({ burn: true });
  const link = formatLinkId(blob);
  await look(link);
  const { body } = await open(link);
  await open(link);
  await burn(link);
  await burn(link, proof('x'));
  const left = JSON.stringify([logged, audited]);
  for (const secret of [blob.locator, proof('open'), proof('burn'), body.url, 'signed'])
    expect(left).not.toContain(secret);
  expect(logged.map(({ route, status }) => [route, status])).toEqual([
    ['lookAtLink', 200],
    ['openLink', 200],
    ['openLink', 410],
    ['burnLink', 200],
    ['burnLink', 403],
  ]);
});

test.each<[string, object | string]>([
  ['without a proof', {}],
  ['with a proof of 31 bytes', { proof: Buffer.alloc(31).toString('base64') }],
  ['with a proof in another spelling', { proof: proof('open').replace(/.=$/, 'x=') }],
  ['with a number for a proof', { proof: 7 }],
  ['with more than a proof', { proof: proof('open'), key: 'K'.repeat(43) }],
  ['that is no JSON', '{"proof":'],
])('a request %s is refused, reads nothing, and is not repeated in the answer', async (_, body) => {
  const link = formatLinkId(await vault.ready());
  vault.world.calls.length = 0;
  const answer = await request('POST /v1/links/{link}/opening', link, body);
  expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
  expect(vault.world.calls).toEqual([]);
  expect(JSON.stringify(answer.body)).not.toMatch(/KKKK|[A-Za-z0-9+/]{30}/);
});
