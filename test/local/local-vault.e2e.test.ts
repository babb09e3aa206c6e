import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DeleteTableCommand, DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { signRequest } from '../../local/aws/iam/signature-v4.ts';
import { type LocalVault, startLocalVault } from '../../local/vault/local-vault.ts';
import { createWorkspace, templateResources, type Workspace } from './small-assembly.ts';

let space: Workspace;
let vault: LocalVault;

beforeAll(async () => {
  space = await createWorkspace();
  vault = await startLocalVault({ assembly: space.assembly(), port: 0, memory: true });
});
afterAll(async () => {
  await vault.close();
  space.remove();
});
afterEach(() => {
  vault.setHooks();
  vault.calls.reset();
});

const eventSchema = z.object({ event: z.record(z.string(), z.unknown()) });
const get = (path: string, init: RequestInit = {}) => fetch(vault.url + path, init);
const echo = async (path: string, init: RequestInit = {}) => {
  const response = await get(path, init);
  expect(response.status).toBe(200);
  return eventSchema.parse(await response.json()).event;
};

/** Sends a path unchanged. `fetch` would normalize it. */
const rawStatus = (path: string): Promise<{ status: number | undefined; body: string }> =>
  new Promise((resolve, reject) => {
    request(`${vault.url}/`, { path }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.once('end', () => resolve({ status: response.statusCode, body }));
    })
      .once('error', reject)
      .end();
  });

describe('the event that a function gets', () => {
  test('has the form of payload format 2.0', async () => {
    const event = await echo('/echo/a/b?x=1&x=2&y=%20', {
      headers: { 'X-Custom': 'One', cookie: 'c=1; d=2', 'user-agent': 'tester' },
    });
    expect(event).toMatchObject({
      version: '2.0',
      routeKey: 'GET /echo/{name+}',
      rawPath: '/echo/a/b',
      rawQueryString: 'x=1&x=2&y=%20',
      cookies: ['c=1', 'd=2'],
      headers: { 'x-custom': 'One', 'user-agent': 'tester', 'x-forwarded-proto': 'http' },
      queryStringParameters: { x: '1,2', y: ' ' },
      pathParameters: { name: 'a/b' },
      requestContext: {
        accountId: '000000000000',
        http: { method: 'GET', path: '/echo/a/b', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'tester' },
        routeKey: 'GET /echo/{name+}',
        stage: '$default',
        time: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
        timeEpoch: expect.any(Number),
        requestId: expect.any(String),
      },
      isBase64Encoded: false,
    });
    for (const absent of ['body', 'stageVariables']) expect(event).not.toHaveProperty(absent);
    expect(event.headers).not.toHaveProperty('cookie');
    expect(event.requestContext).not.toHaveProperty('authorizer');
  });

  test('brings a JSON body as text, and as base64 what is binary or not UTF-8', async () => {
    const post = (type: string, body: BodyInit) =>
      echo('/echo/x', { method: 'POST', headers: { 'content-type': type }, body });
    expect(await post('application/json; charset=utf-8', '{"ü":"\\n"}')).toMatchObject({
      body: '{"ü":"\\n"}',
      isBase64Encoded: false,
    });
    const binary = Buffer.from([0xff, 0xfe, 0x00]);
    for (const type of ['application/octet-stream', 'application/json']) {
      expect(await post(type, binary)).toMatchObject({ body: binary.toString('base64'), isBase64Encoded: true });
    }
  });

  test('decodes path parameters exactly once', async () => {
    expect(await echo('/echo/a%2Fb/%2525/%C3%BC')).toMatchObject({ pathParameters: { name: 'a/b/%25/ü' } });
  });

  test('never exists for a path that does not decode: 400', async () => {
    expect(await rawStatus('/echo/%zz')).toEqual({ status: 400, body: '{"message":"Bad Request"}' });
    expect((await rawStatus('/echo/%ff')).status).toBe(400);
  });
});

describe('the gateway', () => {
  test('answers 404 where no route matches, an empty greedy variable included', async () => {
    for (const path of ['/nothing', '/echo', '/echo/', '/items/', '/items/a/b']) {
      expect(await rawStatus(path)).toEqual({ status: 404, body: '{"message":"Not Found"}' });
    }
    expect((await get('/environment', { method: 'DELETE' })).status).toBe(404);
  });

  test('passes cookies on and sets CORS itself, whatever the function says', async () => {
    const response = await get('/environment', { headers: { origin: 'https://page.example' } });
    expect(response.headers.getSetCookie()).toEqual(['a=1; Secure', 'b=2']);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect((await get('/environment')).headers.get('access-control-allow-origin')).toBeNull();
  });

  test('answers preflight requests from the template', async () => {
    const response = await get('/items/x', {
      method: 'OPTIONS',
      headers: { origin: 'https://page.example', 'access-control-request-method': 'PUT' },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-methods')).toBe('GET,PUT');
    expect(response.headers.get('access-control-max-age')).toBe('600');
  });

  test('refuses bodies over 10 MB, and events over the 6 MB of Lambda, with 413', async () => {
    const send = (bytes: number) =>
      get('/echo/x', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(bytes) });
    for (const bytes of [11_000_000, 7_000_000]) {
      const response = await send(bytes);
      expect(response.status).toBe(413);
      expect(await response.json()).toEqual({ message: 'Request Entity Too Large' });
    }
    expect((await send(1_000_000)).status).toBe(200);
  });

  test('writes the access log in the format of the template', async () => {
    await get('/environment');
    const last = vault
      .logs()
      .split('\n')
      .findLast((line) => line.startsWith('access: '));
    expect(JSON.parse(last?.slice('access: '.length) ?? '')).toEqual({
      route: 'GET /environment',
      status: '200',
      latency: expect.stringMatching(/^\d+$/),
    });
  });

  test('listens on the loopback only', () => {
    expect(new URL(vault.url).hostname).toBe('127.0.0.1');
    expect(new URL(vault.endpoints.kms).hostname).toBe('127.0.0.1');
  });
});

describe('IAM routes', () => {
  const body = '{"a":1}';
  const url = () => new URL('/v1/orgs', vault.url);
  const signed = (credentials = vault.operator, service = 'execute-api') =>
    signRequest(
      { method: 'POST', url: url(), headers: { 'content-type': 'application/json' }, body },
      service,
      credentials,
    );
  const post = (headers: Record<string, string>, sent = body, path = '') =>
    fetch(url().href + path, { method: 'POST', headers, body: sent });

  test('know the operator by the signature', async () => {
    const response = await post(await signed());
    expect(await response.json()).toMatchObject({
      iam: { accessKey: vault.operator.accessKeyId, accountId: '000000000000' },
    });
  });

  test('refuse with 403 what was not signed, or changed after signing', async () => {
    const headers = await signed();
    const flipped = headers.authorization?.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) ?? '';
    const attempts = [
      post({}),
      post(headers, '{"a":2}'),
      post(headers, body, '?admin=1'),
      post({ ...headers, authorization: flipped }),
      post({ ...headers, 'x-amz-date': '20200101T000000Z' }),
      post({ ...headers, 'x-amz-unsigned': 'yes' }),
      post(await signed(vault.operator, 'dynamodb')),
      post(await signed({ ...vault.operator, secretAccessKey: 'another' })),
    ];
    for (const response of await Promise.all(attempts)) {
      expect(response.status).toBe(403);
      expect(await response.json()).toEqual({ message: 'Forbidden' });
    }
  });

  test('refuse a good signature of anyone but the operator', async () => {
    const response = await post(await signed({ ...vault.credentials, region: vault.operator.region }));
    expect(response.status).toBe(403);
  });
});

describe('a function', () => {
  test('has the environment of the template and of Lambda, and nothing of this process', async () => {
    const environment = z.record(z.string(), z.string()).parse(await (await get('/environment')).json());
    expect(environment).toMatchObject({
      ITEM_TABLE: vault.resources.Items,
      KEK_ID: `arn:aws:kms:us-east-1:000000000000:key/${vault.resources.Kek}`,
      AWS_LAMBDA_FUNCTION_NAME: 'Fixture-Main',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_LAMBDA_LOG_FORMAT: 'JSON',
      _HANDLER: 'index.handler',
      AWS_REGION: 'us-east-1',
    });
    expect(environment).not.toHaveProperty('PATH');
    expect(environment.AWS_ACCESS_KEY_ID).not.toBe(vault.operator.accessKeyId);
  });

  test('reaches the engines by the real SDK, and the engines know which function calls', async () => {
    expect(
      (await get('/items/one', { method: 'PUT', headers: { 'content-type': 'text/plain' }, body: 'kept' })).status,
    ).toBe(200);
    expect(await (await get('/items/one')).json()).toEqual({ body: 'kept' });
    expect(vault.calls.list()).toEqual([
      { service: 'dynamodb', action: 'PutItem', principal: 'Main' },
      { service: 'dynamodb', action: 'GetItem', principal: 'Main' },
    ]);
    expect(vault.calls.count({ service: 'kms' })).toBe(0);
  });

  test('is bound by the key policy', async () => {
    const dataKey = (context: object) =>
      get('/data-key', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(context),
      });
    expect((await dataKey({ org: 'a', dek: '1' })).status).toBe(200);
    expect((await dataKey({ org: 'a' })).status).toBe(500);
    expect(vault.logs()).toContain('AccessDeniedException');
  });

  test('that fails, exits or answers too much is a 500, and the next request finds it whole', async () => {
    for (const path of ['/throw', '/exit', '/large']) {
      const response = await get(path);
      expect(response.status).toBe(500);
      expect(await response.json()).toEqual({ message: 'Internal Server Error' });
      expect((await get('/environment')).status).toBe(200);
    }
    expect(vault.logs()).toContain('thrown on purpose');
  });

  test('is stopped at its own time-out: 500', async () => {
    expect((await get('/sleep')).status).toBe(500);
    expect(vault.logs()).toContain('Task timed out after 1.00 seconds');
  });

  test('that outlasts the timeouts of the gateway is a 503', async () => {
    const response = await get('/x/sleep');
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ message: 'Service Unavailable' });
  });

  test('handles one event at a time in an environment, and several environments at once', async () => {
    const counts = await Promise.all(
      Array.from({ length: 12 }, async () => z.object({ n: z.number() }).parse(await (await get('/count')).json()).n),
    );
    expect(Math.max(...counts)).toBeLessThan(12);
    expect(counts.filter((n) => n === Math.min(...counts)).length).toBeGreaterThan(1);
  });
});

describe('tables', () => {
  test('answer the credentials of the vault, and those under deletion protection stay', async () => {
    const client = new DynamoDBClient({
      region: vault.operator.region,
      endpoint: vault.endpoints.dynamodb,
      credentials: vault.credentials,
      maxAttempts: 1,
    });
    const TableName = vault.resources.Items;
    await expect(client.send(new DeleteTableCommand({ TableName }))).rejects.toMatchObject({
      name: 'ValidationException',
    });
    expect((await client.send(new DescribeTableCommand({ TableName }))).Table?.TableStatus).toBe('ACTIVE');
    client.destroy();
    expect(vault.calls.count({ principal: 'local' })).toBe(2);
  });

  test('of a folder that have other keys than the template are refused, not replaced', async () => {
    const options = { port: 0, dataDir: join(space.folder, 'rekeyed') };
    await (await startLocalVault({ ...options, assembly: space.assembly() })).close();
    const changed = templateResources();
    Object.assign(changed.Items?.Properties ?? {}, {
      AttributeDefinitions: [{ AttributeName: 'other', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'other', KeyType: 'HASH' }],
    });
    await expect(startLocalVault({ ...options, assembly: space.assembly(changed) })).rejects.toThrow(
      /key schema.*differs.*Nothing was changed/s,
    );
    await (await startLocalVault({ ...options, assembly: space.assembly() })).close();
  });
});

describe('hooks', () => {
  const put = () => get('/items/hooked', { method: 'PUT', headers: { 'content-type': 'text/plain' }, body: 'hooked' });
  const stored = async () =>
    z.object({ body: z.string().nullable() }).parse(await (await get('/items/hooked')).json()).body;

  test('can refuse a call in the name of the engine', async () => {
    vault.setHooks({ before: () => ({ type: 'ThrottlingException', status: 400, message: 'slow down' }) });
    expect((await put()).status).toBe(500);
    expect(vault.logs()).toContain('slow down');
    vault.setHooks();
    expect(await stored()).toBeNull();
  });

  test('can drop a call before the engine runs: nothing is written', async () => {
    vault.setHooks({ before: () => 'drop-before' });
    expect((await put()).status).toBe(500);
    vault.setHooks();
    expect(await stored()).toBeNull();
  });

  test('can delay a call', async () => {
    vault.setHooks({ before: () => ({ delayMs: 80 }) });
    const started = Date.now();
    expect(await stored()).toBeNull();
    expect(Date.now() - started).toBeGreaterThanOrEqual(78);
  });

  test('can lose the reply of a call that the engine ran: it is written all the same', async () => {
    vault.setHooks({ before: () => 'drop-after' });
    expect((await put()).status).toBe(500);
    vault.setHooks();
    expect(await stored()).toBe('hooked');
  });

  test('see the input and the caller', async () => {
    const seen: unknown[] = [];
    vault.setHooks({ before: (call) => void seen.push(call) });
    await stored();
    expect(seen).toEqual([
      {
        service: 'dynamodb',
        action: 'GetItem',
        principal: 'Main',
        callerArn: 'arn:aws:iam::000000000000:role/Fixture-Role',
        tags: {},
        input: { TableName: vault.resources.Items, Key: { org: { S: 'hooked' } }, ConsistentRead: true },
      },
    ]);
  });
});

describe('on disk', () => {
  test('everything acknowledged, the key and the first keys are there after a restart', async () => {
    const options = { assembly: space.assembly(), port: 0, dataDir: join(space.folder, 'data') };
    const first = await startLocalVault(options);
    await fetch(`${first.url}/items/kept`, {
      method: 'PUT',
      headers: { 'content-type': 'text/plain' },
      body: 'still here',
    });
    await first.close();

    const second = await startLocalVault(options);
    try {
      expect(await (await fetch(`${second.url}/items/kept`)).json()).toEqual({ body: 'still here' });
      expect([second.org, second.adminKey, second.agentKey]).toEqual([first.org, first.adminKey, first.agentKey]);
      expect(second.resources).toEqual(first.resources);
      expect(second.operator.secretAccessKey).not.toBe(first.operator.secretAccessKey);
    } finally {
      await second.close();
    }
    const files = readdirSync(options.dataDir, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(files.length).toBeGreaterThan(4);
    for (const { parentPath, name } of files) {
      const content = readFileSync(join(parentPath, name), 'latin1');
      for (const secret of ['SECRETMARK', Buffer.from('key_agent_SECRETMARK').toString('base64').slice(0, 20)]) {
        expect(content, name).not.toContain(secret);
      }
    }
  });

  test('a folder in use is refused, and one that a dead process left is taken over', async () => {
    const options = { assembly: space.assembly(), port: 0, dataDir: join(space.folder, 'locked') };
    const first = await startLocalVault(options);
    await expect(startLocalVault(options)).rejects.toThrow(/uses the data folder .* Nothing was started.*--data/s);
    await first.close();
    writeFileSync(join(options.dataDir, 'vault.lock'), `${process.pid} 1\nold\n`);
    await (await startLocalVault(options)).close();
  });

  test('a used port is refused with what to do', async () => {
    const port = Number(new URL(vault.url).port);
    await expect(startLocalVault({ assembly: space.assembly(), port, memory: true })).rejects.toThrow(
      /Port \d+ is in use.*--port/s,
    );
  });
});

describe('a template', () => {
  const start = (change: (template: ReturnType<typeof templateResources>) => void) => {
    const template = templateResources();
    change(template);
    return startLocalVault({ assembly: space.assembly(template), port: 0, memory: true });
  };
  const properties = (template: ReturnType<typeof templateResources>, id: string) => template[id]?.Properties ?? {};

  test.for<[string, (template: ReturnType<typeof templateResources>) => void, RegExp]>([
    [
      'an unknown intrinsic',
      (t) => Object.assign(properties(t, 'Stage'), { StageName: { 'Fn::GetAZs': 'x' } }),
      /Fn::GetAZs/,
    ],
    [
      'an unknown resource type',
      (t) => Object.assign(t, { Q: { Type: 'AWS::SNS::Topic', Properties: {} } }),
      /AWS::SNS::Topic \(Q\)/,
    ],
    ['an unknown property', (t) => Object.assign(properties(t, 'Main'), { VpcConfig: {} }), /Main .*VpcConfig/],
    [
      'a reference to nothing',
      (t) => Object.assign(properties(t, 'Main'), { Role: { 'Fn::GetAtt': ['Gone', 'Arn'] } }),
      /Gone\.Arn/,
    ],
    [
      'code that is no asset',
      (t) => Object.assign(properties(t, 'Main'), { Code: { S3Bucket: 'b', S3Key: 'no.zip' } }),
      /no\.zip/,
    ],
    ['a Deny by an unknown operator', (t) => denyBy(t, { DateLessThan: { 'aws:CurrentTime': 'x' } }), /DateLessThan/],
    [
      'a Deny by an unknown condition key',
      (t) => denyBy(t, { StringEquals: { 'aws:SourceVpc': 'x' } }),
      /aws:SourceVpc/,
    ],
    [
      'an unknown access log variable',
      (t) =>
        Object.assign(properties(t, 'Stage'), {
          AccessLogSettings: { DestinationArn: 'a', Format: '$context.odd.one' },
        }),
      /\$context\.odd\.one/,
    ],
  ])('with %s is refused by its name', async ([, change, message]) => {
    await expect(start(change)).rejects.toThrow(message);
  });

  function denyBy(template: ReturnType<typeof templateResources>, Condition: object): void {
    const statement = { Effect: 'Deny', Action: 'kms:*', Resource: '*', Principal: '*', Condition };
    Object.assign(properties(template, 'Kek'), { KeyPolicy: { Statement: [statement] } });
  }
});

test('a closed vault has freed its ports', async () => {
  const short = await startLocalVault({ assembly: space.assembly(), port: 0, memory: true });
  await short.close();
  await short.close();
  for (const url of [short.url, short.endpoints.dynamodb]) {
    const refused = new Promise((resolve) => {
      connect(Number(new URL(url).port), '127.0.0.1')
        .once('error', () => resolve('refused'))
        .once('connect', () => resolve('open'));
    });
    expect(await refused).toBe('refused');
  }
});
