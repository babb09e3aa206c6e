/** The deployed page on this machine: its files and headers, and the requests that are forwarded to the API. */

import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { customResources } from '../../contract/shared/environment-variables.ts';
import { readCloudAssembly } from '../../local/aws/cloudformation/cloud-assembly.ts';
import type { CacheBehavior } from '../../local/aws/cloudformation/distribution-spec.ts';
import { startDistributionServer } from '../../local/aws/cloudfront/distribution-server.ts';
import { localCustomResources } from '../../local/vault/custom-resources.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { createPolicyAuthorizer } from '../shared/policy-authorizer.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
const link = 'a'.repeat(58);
const get = (path: string, init: RequestInit = {}) => fetch(stack.vault.pageUrl + path, init);

describe('the page', () => {
  let html: string;
  beforeAll(async () => {
    html = await (await get('/')).text();
  });

  test.each(['/', `/b/${link}`, `/b/${link}?utm=1`, '/b/cut-off'])('%s shows it', async (path) => {
    const answer = await get(path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await answer.text()).toBe(html);
  });

  test('answers HEAD as GET, without the page', async () => {
    const answer = await get('/', { method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(Number(answer.headers.get('content-length'))).toBe(Buffer.byteLength(html));
    expect(await answer.text()).toBe('');
  });

  test.each(['/favicon.ico', '/index.html', '/v1/org', '/v1/linksx', '/v1/blobs'])('%s is not there', async (path) => {
    expect((await get(path)).status).toBe(404);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is refused', async (method) => {
    expect((await get(`/b/${link}`, { method })).status).toBe(403);
  });

  test('the script that runs is the one that its policy names', async () => {
    const policy = (await get('/')).headers.get('content-security-policy') ?? '';
    for (const tag of ['script', 'style']) {
      const inner = new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(html)?.[1] ?? expect.fail(`no ${tag}`);
      expect(policy).toContain(`${tag}-src 'sha256-${createHash('sha256').update(inner).digest('base64')}';`);
    }
  });
});

describe("the owner's page", () => {
  test.each([
    ['/owner/', 'text/html; charset=utf-8'],
    ['/owner/service-worker.js', 'text/javascript; charset=utf-8'],
    ['/owner/manifest.webmanifest', 'application/manifest+json'],
    ['/owner/icon.png', 'image/png'],
  ])('%s is served with its type, under its own policy', async (path, type) => {
    const answer = await get(path);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, type]);
    const policy = answer.headers.get('content-security-policy') ?? '';
    const { s3 } = stack.vault.endpoints;
    expect(policy).toContain(`connect-src 'self' ${s3} ${new URL(stack.vault.sockets?.url ?? '').origin};`);
    expect(policy).toContain('trusted-types anima-owner');
  });

  test('its path without a slash leads to it', async () => {
    const { status, headers } = await get('/owner', { redirect: 'manual' });
    expect([status, headers.get('location')]).toEqual([301, '/owner/']);
  });

  test.each(['/owner/index.html', '/owner/src/main.ts'])('%s is not there', async (path) => {
    expect((await get(path)).status).toBe(404);
  });

  test('the routes of devices are the API, with every header but the host', async () => {
    const answer = await get('/v1/session/push-key');
    expect(await answer.json()).toEqual({ applicationServerKey: expect.any(String) });
    const refused = await get('/v1/session/messages', { headers: { signature: 'x', 'signature-input': 'x' } });
    expect(refused.status).toBe(401);
  });
});

describe('its headers', () => {
  test.each(['/', `/b/${link}`, '/favicon.ico'])('at %s are those of the template, but for HSTS', async (path) => {
    const resources = [...readCloudAssembly(inject('assembly')).resources.values()];
    const policy = resources.find(
      ({ Type, Properties }) =>
        Type === 'AWS::CloudFront::ResponseHeadersPolicy' && !JSON.stringify(Properties).includes('anima-owner'),
    );
    const config = Object(policy?.Properties.ResponseHeadersPolicyConfig);
    const { headers } = await get(path);
    for (const { Header, Value } of config.CustomHeadersConfig.Items) expect(headers.get(Header)).toBe(Value);
    expect(config.CustomHeadersConfig.Items.length).toBeGreaterThan(3);
    expect(headers.get('referrer-policy')).toBe(config.SecurityHeadersConfig.ReferrerPolicy.ReferrerPolicy);
    expect(headers.get('x-frame-options')).toBe(config.SecurityHeadersConfig.FrameOptions.FrameOption);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.has('strict-transport-security')).toBe(false);
    const [before, , after]: [string, unknown, string] =
      config.SecurityHeadersConfig.ContentSecurityPolicy.ContentSecurityPolicy['Fn::Join'][1];
    expect(headers.get('content-security-policy')).toBe(
      before.replace(/https:\/\/$/, stack.vault.endpoints.s3) + after,
    );
  });
});

describe('the routes of links', () => {
  test('are the API, on the origin of the page', async () => {
    const answer = await get(`/v1/links/${link}`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'blob_not_found' });
    const post = await get(`/v1/links/${link}/opening`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: 'not json',
    });
    expect(await post.json()).toMatchObject({ code: 'invalid_request' });
  });

  test('a link that the API gives leads to the page', async () => {
    const { agentKey } = stack.vault;
    const made = await stack.http('POST', '/v1/blobs', { key: agentKey, body: { size: 1000 } });
    const { url, link: given, upload } = await made.json();
    expect(url).toBe(`${stack.vault.pageUrl}/b/${given}`);
    expect(upload.url.startsWith(`${stack.vault.endpoints.s3}/`)).toBe(true);
    expect((await fetch(url)).status).toBe(200);
  });
});

test('the log has what a request line and the referrer tell', async () => {
  const before = stack.vault.pageLog().length;
  await get(`/b/${link}?x=1#fragment`, { headers: { referer: 'https://a.example/' } });
  expect(stack.vault.pageLog().slice(before)).toEqual([
    { method: 'GET', path: `/b/${link}?x=1`, status: 200, referer: 'https://a.example/' },
  ]);
});

describe('the publisher', () => {
  afterEach(() => stack.vault.setHooks());
  const nameOf = (start: string) =>
    Object.entries(stack.vault.resources).find(([id]) => id.startsWith(start))?.[1] ?? '';
  const common = () => ({ region: stack.vault.operator.region, credentials: stack.vault.credentials });

  /** Invokes the function as a deployment does for the resource of a type. Returns its responses. */
  async function provide(type: string): Promise<{ properties: Record<string, unknown>; answers: unknown[] }> {
    const resources = [...readCloudAssembly(inject('assembly')).resources.values()];
    const resource = resources.find(({ Type }) => Type === type) ?? expect.fail(`no ${type}`);
    const answers: unknown[] = [];
    const cloudFormation = createServer(async (request, response) => {
      answers.push(JSON.parse(String(await buffer(request))));
      response.end();
    });
    await new Promise<void>((resolve) => cloudFormation.listen(0, '127.0.0.1', resolve));
    const address = cloudFormation.address();
    const event = {
      RequestType: 'Create',
      ResponseURL: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`,
      StackId: 's',
      RequestId: 'r',
      LogicalResourceId: 'l',
      ResourceType: type,
      ResourceProperties: resource.Properties,
    };
    const lambda = new LambdaClient({ ...common(), endpoint: stack.vault.endpoints.dynamodb });
    const invoked = await lambda.send(
      new InvokeCommand({ FunctionName: nameOf('PublisherFunction'), Payload: Buffer.from(JSON.stringify(event)) }),
    );
    await new Promise((resolve) => cloudFormation.close(resolve));
    expect(invoked.FunctionError).toBeUndefined();
    expect(answers).toEqual([expect.objectContaining({ Status: 'SUCCESS' })]);
    return { properties: resource.Properties, answers };
  }

  test('invoked as a deployment does, puts into the bucket what is served, within the policies', async () => {
    const authorizer = createPolicyAuthorizer(stack.vault);
    stack.vault.setHooks(authorizer);
    const { properties } = await provide(customResources.page);
    expect(authorizer.denials).toEqual([]);
    expect(authorizer.allowed.get('s3:PutObject')).toBe(Object(properties.Files).length);

    const s3 = new S3Client({ ...common(), endpoint: stack.vault.endpoints.s3 });
    const [{ Key, Type }] = Object(properties.Files);
    const { Body, ContentType } = await s3.send(new GetObjectCommand({ Bucket: nameOf('PageBucket'), Key }));
    expect([ContentType, Type]).toEqual(['text/html; charset=utf-8', 'text/html; charset=utf-8']);
    const served = await Promise.all(['/', '/owner/'].map(async (path) => await (await get(path)).text()));
    expect(served).toContain(await Body?.transformToString());
  });

  test('draws a secret with the attributes that the template reads, and logs none of them', async () => {
    const { answers } = await provide(customResources.originSecret);
    const attributes: Record<string, string> = Object(answers[0]).Data;
    const local = localCustomResources.customAttributes?.[customResources.originSecret] ?? {};
    expect(Object.keys(attributes).sort()).toEqual(Object.keys(local).sort());
    for (const { Secret = '', SecretSha256 } of [attributes, local])
      expect(createHash('sha256').update(Secret).digest('hex')).toBe(SecretSha256);
    const logs = stack.vault.logs();
    for (const value of Object.values(attributes)) expect(logs).not.toContain(value);
  });
});

test('the API gets the headers that the policy names, those of CloudFront, and no others', async () => {
  const received: IncomingHttpHeaders[] = [];
  const api = createServer((request, response) => {
    received.push(request.headers);
    response.end();
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  const address = api.address();
  const page = await startDistributionServer(0);
  try {
    const behaviour: CacheBehavior = {
      pathPattern: '*',
      allowedMethods: ['POST'],
      target: 'api',
      functionCode: undefined,
      headers: [],
      forwardedHeaders: ['content-type', 'cloudfront-viewer-address'],
      originHeaders: [['x-proof', 'of CloudFront']],
      files: new Map(),
    };
    const apiUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const options = { apiUrl, origins: new Map<string, string>(), onError: (error: string) => expect.fail(error) };
    page.serve({ origins: [], behaviours: [behaviour] }, options);
    const forged = { 'cloudfront-viewer-address': '198.51.100.1:1', 'x-proof': 'of the viewer', 'x-other': 'x' };
    const headers = { ...forged, 'content-type': 'text/plain', cookie: 'a=b' };
    expect((await fetch(`${page.url}/x`, { method: 'POST', headers, body: 'text' })).status).toBe(200);
    expect(received).toEqual([
      {
        host: apiUrl.replace('http://', ''),
        connection: expect.any(String),
        'content-length': '4',
        'content-type': 'text/plain',
        cookie: 'a=b',
        'cloudfront-viewer-address': expect.stringMatching(/^127\.0\.0\.1:[0-9]+$/),
        'x-proof': 'of CloudFront',
      },
    ]);
  } finally {
    await page.close();
    api.closeAllConnections();
    api.close();
  }
});

describe('a distribution of another kind', () => {
  const behaviour = (functionCode: string): CacheBehavior => ({
    pathPattern: '*',
    allowedMethods: ['GET'],
    target: 'files',
    functionCode,
    headers: [],
    forwardedHeaders: [],
    originHeaders: [],
    files: new Map([['/x', { type: 'text/plain', content: Buffer.from('x') }]]),
  });

  /** The statuses of `/x`, and the reported errors. */
  async function statusWith(code: string | undefined): Promise<[number, string[]]> {
    const errors: string[] = [];
    const page = await startDistributionServer(0);
    try {
      const options = {
        apiUrl: '',
        origins: new Map<string, string>(),
        onError: (error: string) => errors.push(error),
      };
      if (code !== undefined) page.serve({ origins: [], behaviours: [behaviour(code)] }, options);
      return [(await fetch(`${page.url}/x`)).status, errors];
    } finally {
      await page.close();
    }
  }

  test('before there is any, all is 503', async () => {
    expect(await statusWith(undefined)).toEqual([503, []]);
  });

  test('its function runs without Node, must end, and must return what CloudFront takes', async () => {
    expect(await statusWith('function handler(event) { return event.request; }')).toEqual([200, []]);
    for (const code of [
      'function handler(event) { return process.env; }',
      'function handler(event) { for (;;) {} }',
      'function handler(event) { return {}; }',
    ]) {
      const [status, errors] = await statusWith(code);
      expect(status).toBe(503);
      expect(errors).toHaveLength(1);
    }
  });
});
