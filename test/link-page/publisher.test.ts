/**
 * The function that responds to CloudFormation. It must always respond, and must never report success if the page is
 * not stored.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { deflateSync } from 'node:zlib';
import type { CloudFormationCustomResourceEvent, Context } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { customResources } from '../../contract/shared/environment-variables.ts';
import { provideCustomResource } from '../../lambdas/link-page/handlers/provide-custom-resource.ts';
import type { PageStore } from '../../lambdas/link-page/page-publisher.ts';
import type { RequestLogEntry } from '../../lambdas/middleware/request-log.ts';

interface Received {
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

/** The server that receives the response to CloudFormation. */
let cloudFormation: Server;
let received: Received[];
let status: number;

beforeEach(async () => {
  received = [];
  status = 200;
  cloudFormation = createServer(async (request, response) => {
    const { method, headers } = request;
    received.push({ method, headers, body: JSON.parse(String(await buffer(request))) });
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => cloudFormation.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => void (await new Promise((resolve) => cloudFormation.close(resolve))));

const about = { StackId: 'stack', RequestId: 'request', LogicalResourceId: 'PagePublished' };
const html = '<!doctype html><title>Schön</title>';
const fileOf = (Key: string, Type: string, text: string) => ({
  Key,
  Type,
  Content: deflateSync(text).toString('base64'),
});
const properties = {
  Files: [
    fileOf('v1/index.html', 'text/html; charset=utf-8', html),
    fileOf('v1/worker.js', 'text/javascript', 'work()'),
  ],
};
const allStored = [
  ['v1/index.html', 'text/html; charset=utf-8', html],
  ['v1/worker.js', 'text/javascript', 'work()'],
];

/** Runs the handler. `failures` is the number of writes that the store refuses first. */
async function run(
  RequestType: 'Create' | 'Update' | 'Delete',
  failures = 0,
  more: object = {},
  ResourceType: string = customResources.page,
) {
  const stored: [string, string, string][] = [];
  const logged: RequestLogEntry[] = [];
  let refusals = failures;
  const pages: PageStore = {
    put: async (key, type, bytes) => {
      if (refusals-- > 0) throw new Error('not authorized: TOPSECRET');
      stored.push([key, type, Buffer.from(bytes).toString()]);
    },
  };
  const address = cloudFormation.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const event: CloudFormationCustomResourceEvent = {
    ...about,
    RequestType,
    ResponseURL: `http://127.0.0.1:${port}/answer?X-Amz-Signature=s`,
    ResourceType,
    ServiceToken: 'arn',
    PhysicalResourceId: 'page',
    ResourceProperties: { ServiceToken: 'arn', ...properties, ...more },
    OldResourceProperties: { ServiceToken: 'arn' },
  };
  const handler = provideCustomResource((entry) => logged.push(entry), pages, [1, 1, 1]);
  const outcome = handler(event, { awsRequestId: 'invocation' } as Context);
  return { outcome, stored, logged };
}

describe('the publisher', () => {
  test.each(['Create', 'Update'] as const)('%s: stores the page and says so', async (type) => {
    const { outcome, stored, logged } = await run(type);
    await outcome;
    expect(stored).toEqual(allStored);
    expect(received.map(({ method, body }) => [method, body])).toEqual([
      ['PUT', { ...about, PhysicalResourceId: 'page', Status: 'SUCCESS' }],
    ]);
    // The signature of the URL does not include a content type.
    expect(received[0]?.headers).not.toHaveProperty('content-type');
    expect(logged).toMatchObject([{ requestId: 'invocation', status: 200 }]);
  });

  test('leaves the pages when the resource goes', async () => {
    const { outcome, stored } = await run('Delete');
    await outcome;
    expect(stored).toEqual([]);
    expect(received[0]?.body).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'page' });
  });

  test('waits for a permission that is not yet everywhere', async () => {
    const { outcome, stored } = await run('Create', 3);
    await outcome;
    expect(stored).toEqual(allStored);
    expect(received[0]?.body).toMatchObject({ Status: 'SUCCESS' });
  });

  test.each([
    ['a store that goes on refusing', 4, {}],
    [
      'a content that is none',
      0,
      {
        Files: [
          ...properties.Files,
          { ...properties.Files[0], Content: Buffer.from('not compressed').toString('base64') },
        ],
      },
    ],
  ])('%s fails the deployment with what to do, and nothing of the cause', async (_, failures, more) => {
    const { outcome, stored, logged } = await run('Update', failures, more);
    await outcome;
    expect(stored).toEqual([]);
    expect(received).toHaveLength(1);
    expect(received[0]?.body).toMatchObject({
      ...about,
      Status: 'FAILED',
      Reason: expect.stringContaining('Deploy again'),
    });
    expect(logged).toMatchObject([{ status: 500, fault: expect.any(String) }]);
    expect(JSON.stringify([received, logged])).not.toContain('TOPSECRET');
  });

  test('fails when its answer is not taken, so that it is invoked again', async () => {
    status = 403;
    const { outcome } = await run('Create');
    await expect(outcome).rejects.toThrow(/rejected the response: 403/);
  });
});

describe('the secret of the distribution', () => {
  const draw = async (type: 'Create' | 'Update') => {
    const { outcome, stored, logged } = await run(type, 0, {}, customResources.originSecret);
    await outcome;
    expect(stored).toEqual([]);
    const { Data, ...rest } = received.pop()?.body ?? {};
    expect(rest).toEqual({ ...about, PhysicalResourceId: 'origin-secret', Status: 'SUCCESS', NoEcho: true });
    return { ...(Data as { Secret: string; SecretSha256: string }), logged };
  };

  test('is 32 random bytes, and comes with its hash, hidden from the outputs of the stack', async () => {
    const { Secret, SecretSha256 } = await draw('Create');
    expect(Secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(SecretSha256).toBe(createHash('sha256').update(Secret).digest('hex'));
  });

  test('is another one at each update, and is not in the log', async () => {
    const [first, second] = [await draw('Create'), await draw('Update')];
    expect(second.Secret).not.toBe(first.Secret);
    for (const { Secret, SecretSha256, logged } of [first, second]) {
      expect(logged).toMatchObject([{ requestId: 'invocation', status: 200 }]);
      expect(JSON.stringify(logged)).not.toContain(Secret);
      expect(JSON.stringify(logged)).not.toContain(SecretSha256);
    }
  });

  test('is not drawn when the resource goes', async () => {
    const { outcome } = await run('Delete', 0, {}, customResources.originSecret);
    await outcome;
    expect(received.map(({ body }) => body)).toEqual([
      { ...about, PhysicalResourceId: 'origin-secret', Status: 'SUCCESS' },
    ]);
  });
});

test('a resource of an unknown type fails the deployment', async () => {
  const { outcome, stored } = await run('Create', 0, {}, 'Custom::Other');
  await outcome;
  expect(stored).toEqual([]);
  expect(received[0]?.body).toMatchObject({ ...about, Status: 'FAILED' });
});
