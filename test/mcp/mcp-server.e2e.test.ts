/** The server over stdio, as a client starts it: every tool, malformed calls, the audit, and a hostile host. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openBlob } from '../../sdk/src/index.ts';
import { type HostileServer, startHostileServer } from '../egress/hostile-server.ts';
import { tracesOf } from '../egress/secret-search.ts';
import { answerRequest } from '../secret-requests/answer-request.ts';
import { useLocalStack } from '../shared/local-stack.ts';
import { projectFolder } from '../shared/vault-process.ts';

const stack = useLocalStack();
const folder = mkdtempSync(join(tmpdir(), 'anima-mcp-'));
const secret = 'sk_live_"4eC39/Hq+LyjWDarj\'tT1&zdp<7dc>%41';
const token = 'tok_Zq8rT5vX2nLk9sWd4fGh7jPm';
let hostile: HostileServer;
let other: HostileServer;

interface Session {
  readonly client: Client;
  /** All output of the server, on both streams. */
  output(): string;
  call(name: string, args: object): Promise<Result>;
  /** Calls `http_request` on the hostile server. */
  request(path: string, args?: object): Promise<Result>;
  end(): Promise<void>;
}

interface Result {
  readonly isError: boolean;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows the shape of the tool it calls, and checks it.
  readonly data: any;
}

async function start(...args: string[]): Promise<Session> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: ['cli/main.ts', 'mcp', ...args],
    cwd: projectFolder,
    stderr: 'pipe',
    env: {
      ANIMA_URL: stack.vault.url,
      ANIMA_KEY: stack.vault.agentKey,
      ANIMA_RUN: 'run-of-this-test',
      XDG_CONFIG_HOME: folder,
      // A proxy would see plaintext. Requests with values must not use one, whatever the vault and its object store
      // use.
      NO_PROXY: [stack.vault.url, stack.vault.endpoints.s3].map((url) => new URL(url).host).join(),
      HTTP_PROXY: `http://127.0.0.1:${other.port}`,
      HTTPS_PROXY: `http://127.0.0.1:${other.port}`,
      NODE_USE_ENV_PROXY: '1',
    },
  });
  let output = '';
  transport.stderr?.on('data', (chunk) => {
    output += String(chunk);
  });
  const client = new Client({ name: 'Test Client/ü', version: '1' });
  await client.connect(transport);
  const heard = transport.onmessage;
  transport.onmessage = (message) => {
    output += `${JSON.stringify(message)}\n`;
    heard?.(message);
  };
  const call = async (name: string, given: object): Promise<Result> => {
    const { isError, content, structuredContent } = await client.callTool({ name, arguments: { ...given } });
    const [first] = content as { text: string }[];
    return { isError: isError === true, text: first?.text ?? '', data: structuredContent };
  };
  return {
    client,
    output: () => output,
    call,
    request: async (path, given = { headers: { authorization: 'Bearer {{anima://app/secret}}' } }) =>
      await call('http_request', { url: `http://127.0.0.1:${hostile.port}${path}`, ...given }),
    end: async () => await client.close(),
  };
}

let session: Session;

beforeAll(async () => {
  [hostile, other] = await Promise.all([startHostileServer(), startHostileServer()]);
  const host = `http://127.0.0.1:${hostile.port}`;
  const { vault } = stack.client;
  await vault.set('app/secret', 'an-older-version-of-it', { metadata: { allowed_hosts: 'api.example.com' } });
  await vault.set('app/secret', secret, { metadata: { allowed_hosts: host, note: 'for tests' } });
  await vault.set('app/token', token, {
    metadata: { allowed_hosts: host, allowed_methods: 'GET', allowed_in: 'header' },
  });
  await vault.set('app/elsewhere', token, { metadata: { allowed_hosts: 'api.example.com, *.example.org' } });
  await vault.set('app/nowhere', token);
  await vault.set('app/faulty', token, { metadata: { allowed_hosts: `${host}, *` } });
  await vault.set('app/lines', 'two\r\nx-injected: lines', { metadata: { allowed_hosts: host } });
  await vault.set('app/short', 'abc', { metadata: { allowed_hosts: host } });
  await vault.set('other/secret', token, { metadata: { allowed_hosts: host } });
  session = await start('--allow-local', '--prefix', 'app', '--timeout', '2', '--max-response', '4096');
});

afterAll(async () => {
  await session.end();
  await Promise.all([hostile.close(), other.close()]);
  rmSync(folder, { recursive: true, force: true });
});

/** After every test: the output has no part of a value, and only the allowed host received requests. */
afterEach(() => {
  for (const value of [secret, token]) expect(tracesOf(value, session.output())).toEqual([]);
  for (const line of session.output().split('\n')) {
    for (const value of [secret, token]) expect(tracesOf(value, line)).toEqual([]);
  }
  expect(other.received).toEqual([]);
});

describe('the tools', () => {
  test('say what they do and take, and none reveals a value unless that was switched on', async () => {
    const { tools } = await session.client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      'list_secrets',
      'describe_secret',
      'generate_secret',
      'request_secret',
      'check_secret_request',
      'http_request',
    ]);
    for (const { description, inputSchema, outputSchema, annotations } of tools) {
      expect(description?.length).toBeGreaterThan(40);
      expect(inputSchema.additionalProperties).toBe(false);
      expect(outputSchema).toBeDefined();
      expect(annotations).toMatchObject({ readOnlyHint: expect.any(Boolean), destructiveHint: expect.any(Boolean) });
    }
    expect(session.client.getInstructions()).toContain('{{anima://path}}');
  });

  test('list names and facts of the folder, page by page', async () => {
    const first = await session.call('list_secrets', { limit: 3 });
    expect(first.data.secrets).toHaveLength(3);
    const rest = await session.call('list_secrets', { cursor: first.data.cursor });
    const all = [...first.data.secrets, ...rest.data.secrets];
    expect(all.map(({ name }) => name)).toEqual(
      ['elsewhere', 'faulty', 'lines', 'nowhere', 'secret', 'short', 'token'].map((name) => `app/${name}`),
    );
    expect(all[4]).toMatchObject({ version: 2, metadata: { note: 'for tests' } });
    expect(JSON.parse(first.text)).toEqual(first.data);
    expect((await session.call('list_secrets', { prefix: 'app/s' })).data.secrets).toHaveLength(2);
  });

  test('describe versions and uses', async () => {
    const { data } = await session.call('describe_secret', { name: 'app/token' });
    expect(data).toMatchObject({
      placeholder: '{{anima://app/token}}',
      allowedHosts: [`http://127.0.0.1:${hostile.port}`],
      allowedMethods: ['GET'],
      allowedIn: ['header'],
      versions: [{ version: 1 }],
    });
    const faulty = await session.call('describe_secret', { name: 'app/faulty' });
    expect(faulty.data).toMatchObject({ allowedHosts: [], problem: expect.stringContaining('entry 2') });
  });

  test('request a secret from the user, who alone types it and chooses its hosts', async () => {
    const asked = await session.call('request_secret', { name: 'app/asked', why: 'to list the invoices' });
    const { id, link } = asked.data as { id: string; link: string };
    expect(asked.data).toMatchObject({ placeholder: '{{anima://app/asked}}', expiresAt: expect.any(String) });
    expect((await session.call('check_secret_request', { id })).data).toMatchObject({
      name: 'app/asked',
      state: 'asked',
    });
    await answerRequest(stack.vault.url, link, { value: secret, rules: { allowed_hosts: 'api.example.com' } });
    expect((await session.call('check_secret_request', { id })).data).toMatchObject({ state: 'filled' });
    expect((await session.call('describe_secret', { name: 'app/asked' })).data).toMatchObject({
      allowedHosts: ['api.example.com'],
    });
    const hosts = { name: 'app/asked-too', why: 'x', allowedHosts: ['evil.example.com'] };
    expect(await session.call('request_secret', hosts)).toMatchObject({ isError: true });
    expect(await session.call('request_secret', { name: 'app/asked', why: 'again' })).toMatchObject({ isError: true });
  });

  test('generate a secret that only the vault knows, once, and anew when told', async () => {
    const host = `http://127.0.0.1:${hostile.port}`;
    const made = await session.call('generate_secret', { name: 'app/made', allowedHosts: [host], note: 'mine' });
    expect(made.data).toEqual({
      name: 'app/made',
      version: 1,
      placeholder: '{{anima://app/made}}',
      length: 32,
      replaced: false,
    });
    const first = await stack.client.vault.getWithInfo('app/made');
    const origin = { generated_by: 'model', metadata_by: 'model' };
    expect(first.metadata).toEqual({ allowed_hosts: host, note: 'mine', ...origin });
    expect(await session.call('generate_secret', { name: 'app/made' })).toMatchObject({
      isError: true,
      text: expect.stringContaining('replace: true'),
    });
    expect(await stack.client.vault.getWithInfo('app/made')).toEqual(first);
    const again = await session.call('generate_secret', {
      name: 'app/made',
      replace: true,
      kind: 'uuid',
      allowedHosts: [host],
    });
    expect(again.data).toMatchObject({ version: 2, replaced: true, length: 36 });
    const second = await stack.client.vault.getWithInfo('app/made');
    expect(second.metadata).toEqual({ allowed_hosts: host, ...origin });
    const used = await session.request('/', { headers: { 'x-key': '{{anima://app/made}}' } });
    expect(used.data.status).toBe(200);
    expect(hostile.received.at(-1)?.headers['x-key']).toBe(second.value);
    for (const { value } of [first, second]) expect(tracesOf(value, session.output())).toEqual([]);
    await stack.client.vault.delete('app/made');
  });

  test('keep the metadata of a person when they replace a secret, and change no host of it', async () => {
    const metadata = { allowed_hosts: 'api.example.com', note: 'of a person' };
    await stack.client.vault.set('app/theirs', 'a value of a person', { metadata });
    const widened = { name: 'app/theirs', replace: true, allowedHosts: ['evil.example'] };
    expect((await session.call('generate_secret', widened)).text).toContain("can't be changed");
    expect((await stack.client.vault.getWithInfo('app/theirs')).version).toBe(1);
    await session.call('generate_secret', { name: 'app/theirs', replace: true });
    const replaced = await stack.client.vault.getWithInfo('app/theirs');
    expect(replaced.metadata).toEqual({ ...metadata, generated_by: 'model' });
    await stack.client.vault.delete('app/theirs');
  });

  test('take no name whose value has expired', async () => {
    await stack.client.vault.set('app/expired', 'x', { expiresAt: new Date(Date.now() + 1500) });
    await new Promise((resolve) => setTimeout(resolve, 1700));
    for (const replace of [false, true]) {
      const refused = await session.call('generate_secret', { name: 'app/expired', replace, allowedHosts: [] });
      expect(refused).toMatchObject({
        isError: true,
        text: expect.stringContaining('has expired. Nothing was stored'),
      });
    }
    await stack.client.vault.delete('app/expired');
  });

  test.each([
    ['list_secrets', { prefix: 'other/' }],
    ['describe_secret', { name: 'other/secret' }],
    ['describe_secret', { name: 'app' }],
    ['generate_secret', { name: 'other/new' }],
    ['generate_secret', { name: 'other/new', replace: true }],
    ['request_secret', { name: 'other/new', why: 'x' }],
    ['http_request', { url: 'https://api.example.com', headers: { a: '{{anima://other/secret}}' } }],
  ])('%s stays within its folder: %j', async (name, args) => {
    expect(await session.call(name, args)).toMatchObject({
      isError: true,
      text: expect.stringContaining('limited to'),
    });
  });

  test.each([
    ['list_secrets', 'too large a page', { limit: 1000 }],
    ['list_secrets', 'a string for a number', { limit: '5' }],
    ['list_secrets', 'an unknown field', { unknown: 1 }],
    ['list_secrets', 'a forged cursor', { cursor: 'forged' }],
    ['describe_secret', 'nothing', {}],
    ['describe_secret', 'a number for a name', { name: 7 }],
    ['describe_secret', 'a way out of the folder', { name: 'app/../other/secret' }],
    ['describe_secret', 'a missing name', { name: 'app/missing' }],
    ['generate_secret', 'a value', { name: 'app/x', value: 'mine' }],
    ['generate_secret', 'too few characters', { name: 'app/x', length: 4 }],
    ['generate_secret', 'all hosts', { name: 'app/x', allowedHosts: ['*'] }],
    ['http_request', 'no address', {}],
    ['http_request', 'another method', { url: 'https://a.example', method: 'TRACE' }],
    ['http_request', 'a wish to follow redirects', { url: 'https://a.example', followRedirects: true }],
    ['http_request', 'a number for a header', { url: 'https://a.example', headers: { a: 1 } }],
    ['http_request', 'too many elements', { url: 'https://a.example', json: Array(20_000).fill(1), method: 'POST' }],
    ['http_request', 'too long a body', { url: 'https://a.example', body: 'x'.repeat(300_000), method: 'POST' }],
    ['reveal_secret', 'a tool that is off', { name: 'app/secret' }],
    ['no_such_tool', 'a tool that is none', {}],
    ['constructor', 'a name of the language', {}],
  ])('%s with %s is an error, and the server goes on', async (name, _, args) => {
    const { isError, text } = await session.call(name, args);
    expect(isError).toBe(true);
    expect(text.length).toBeLessThan(2000);
    expect(text).not.toMatch(/at .*\.[tj]s:\d|node_modules/);
  });
});

describe('http_request', () => {
  test('puts values in headers, query, Basic, JSON, form and text', async () => {
    const sent = async (args: object) => {
      expect((await session.request('/x?a=1', args)).data.status).toBe(200);
      return hostile.received.at(-1);
    };
    const { headers, url } =
      (await sent({
        headers: { 'X-Key': 'a {{ anima://app/token }}{{anima://app/secret}}' },
        query: { 'k&': '{{anima://app/secret}}' },
      })) ?? expect.fail();
    expect(headers['x-key']).toBe(`a ${token}${secret}`);
    expect(new URL(url, 'http://x').searchParams.get('k&')).toBe(secret);
    expect(new URL(url, 'http://x').searchParams.get('a')).toBe('1');
    const basic = (await sent({ basicAuth: { user: 'me', password: '{{anima://app/secret}}' } }))?.headers
      .authorization;
    expect(Buffer.from(basic?.slice(6) ?? '', 'base64').toString()).toBe(`me:${secret}`);
    const json = await sent({ method: 'POST', json: { a: ['{{anima://app/secret}}', 1, null], b: { c: '{{x}}' } } });
    expect(JSON.parse(json?.body ?? '')).toEqual({ a: [secret, 1, null], b: { c: '{{x}}' } });
    const form = await sent({ method: 'POST', form: { key: '{{anima://app/secret}}' } });
    expect(new URLSearchParams(form?.body).get('key')).toBe(secret);
    const text = await sent({ method: 'PUT', body: '<{{anima://app/secret}}>', headers: { 'content-type': 'x/y' } });
    expect(text).toMatchObject({ body: `<${secret}>`, headers: { 'content-type': 'x/y' } });
  });

  test.each([
    [
      'a host that the value does not allow',
      { headers: { a: '{{anima://app/elsewhere}}' } },
      'must not be sent to that host',
    ],
    [
      'a host that an older version allowed not',
      { headers: { a: '{{anima://app/secret?version=1}}' } },
      'api.example.com',
    ],
    ['a value without hosts', { headers: { a: '{{anima://app/nowhere}}' } }, 'no host'],
    ['a value with a faulty list', { headers: { a: '{{anima://app/faulty}}' } }, 'entry 2 of allowed_hosts'],
    [
      'one value of two that is not allowed',
      { headers: { a: '{{anima://app/secret}}{{anima://app/nowhere}}' } },
      'no host',
    ],
    ['another method', { method: 'POST', headers: { a: '{{anima://app/token}}' } }, 'only with GET'],
    ['another place', { query: { a: '{{anima://app/token}}' } }, 'only in: header'],
    ['no value at all', { headers: { a: 'x' } }, '--allow-plain-requests'],
    ['a line end in a header', { headers: { a: '{{anima://app/lines}}' } }, 'line end'],
    ['a header twice', { headers: { a: '{{anima://app/secret}}', A: 'x' } }, 'twice'],
    [
      'a header of the connection',
      { headers: { a: '{{anima://app/secret}}', 'Transfer-Encoding': 'chunked' } },
      "can't be set",
    ],
    ['another Host', { headers: { a: '{{anima://app/secret}}', host: 'evil.example' } }, "can't be set"],
    ['a range of an echo', { headers: { a: '{{anima://app/secret}}', Range: 'bytes=0-9' } }, "can't be set"],
    [
      'another method by header',
      { headers: { a: '{{anima://app/token}}', 'x-http-method-override': 'PUT' } },
      "can't be set",
    ],
    ['a value as name of a header', { headers: { '{{anima://app/secret}}': 'x' } }, 'name of headers'],
    ['a value as name in a query', { query: { '{{anima://app/secret}}': 'x' } }, 'name of query'],
    ['a value as key in JSON', { method: 'POST', json: { '{{anima://app/secret}}': 1 } }, 'key of json'],
    ['two bodies', { method: 'POST', json: '{{anima://app/secret}}', body: 'x' }, 'one of body, json and form'],
    ['a body of GET', { body: '{{anima://app/secret}}' }, 'no body'],
    ['a value too short to be found again', { headers: { a: '{{anima://app/short}}' } }, 'be used'],
    ['a bare reference', { headers: { a: 'Bearer anima://app/secret' } }, 'does not have the form'],
    ['a mistyped placeholder', { headers: { a: '{{anima:app/secret}}' } }, 'does not have the form'],
    ['a version that is none', { headers: { a: '{{anima://app/secret?version=x}}' } }, 'version'],
    ['a value that is missing', { headers: { a: '{{anima://app/missing}}' } }, 'no value with that name'],
  ])('refuses %s, and sends nothing', async (_, args, message) => {
    const before = hostile.received.length;
    const { isError, text } = await session.request('/echo', args);
    expect([isError, text]).toEqual([true, expect.stringContaining(message)]);
    expect(hostile.received.length).toBe(before);
  });

  test.each([
    'http://{{anima://app/secret}}.example.com/',
    'http://127.0.0.1/{{anima://app/secret}}',
    'http://127.0.0.1/%7B%7Banima://app/secret}}',
    'http://127.0.0.1/?k={{anima://app/secret}}',
    'http://me:{{anima://app/secret}}@127.0.0.1/',
    'http://me:pass@127.0.0.1/',
    'ftp://127.0.0.1/',
    '/relative',
    'file:///etc/passwd',
  ])('refuses the address %s', async (url) => {
    const { isError } = await session.call('http_request', { url, headers: { a: '{{anima://app/secret}}' } });
    expect(isError).toBe(true);
  });

  test.each(['/echo', '/drops', '/endless'])('takes every echo out of what %s answers', async (path) => {
    for (const args of [
      { headers: { authorization: 'Bearer {{anima://app/secret}}' } },
      { method: 'POST', body: '{{anima://app/secret}}', query: { k: '{{anima://app/secret}}' } },
      { query: { key: '{{anima://app/secret}}' } },
      { basicAuth: { user: 'me', password: '{{anima://app/secret}}' } },
    ]) {
      const { data } = await session.request(path, args);
      expect(data.status).toBe(200);
      expect(data.body).toContain('<concealed by anima>');
      expect(data.body.length).toBeLessThanOrEqual(4096 * 2);
      expect(Object.keys(data.headers)).not.toContain('set-cookie');
      expect(Object.keys(data.headers)).not.toContain('x-echo');
    }
  });

  test('takes out what an earlier request left at the host', async () => {
    await session.request('/keep');
    const { data } = await session.request('/kept', { headers: { authorization: 'Bearer {{anima://app/token}}' } });
    expect(data.body).toBe('<concealed by anima>');
  });

  test('takes out what an earlier server left at the host, in every kept version, without using it itself', async () => {
    const older = 'older-version-Zq8rT5vX2nLk';
    const newer = 'newer-version-9sWd4fGh7jPm';
    const metadata = { allowed_hosts: `http://127.0.0.1:${hostile.port}` };
    await stack.client.vault.set('app/kept', older, { metadata });
    await stack.client.vault.set('app/kept', newer, { metadata });
    for (const value of [older, newer]) {
      hostile.leave(value);
      const restarted = await start('--allow-local', '--prefix', 'app');
      const { data } = await restarted.request('/kept', { headers: { a: '{{anima://app/token}}' } });
      await restarted.end();
      expect(data.body).toBe('<concealed by anima>');
    }
    await stack.client.vault.delete('app/kept');
  });

  test('does not use an older version where the rules of the current one forbid it', async () => {
    const metadata = { allowed_hosts: `http://127.0.0.1:${hostile.port}` };
    await stack.client.vault.set('app/narrowed', token, { metadata });
    const use = () => session.request('/', { headers: { a: '{{anima://app/narrowed?version=1}}' } });
    expect((await use()).isError).toBe(false);
    await stack.client.vault.set('app/narrowed', token, { metadata: { allowed_hosts: 'api.example.com' } });
    expect(await use()).toMatchObject({ isError: true, text: expect.stringContaining('must not be sent') });
    await stack.client.vault.delete('app/narrowed');
  });

  test('takes it out of the status line, and where the answer is cut', async () => {
    const { data } = await session.request('/status');
    expect(data).toMatchObject({ status: 418, statusText: 'no <concealed by anima> here', body: 'ok' });
    const cut = await session.request('/cut');
    expect(cut.data.body).toBe(`${'x'.repeat(4086)}<concealed by anima>`);
    expect(cut.data.bodyNote).toContain('first 4096 bytes');
  });

  test.each([
    ['/utf16', { bodyNote: expect.stringContaining('not UTF-8 text') }],
    ['/gzip', { bodyNote: expect.stringContaining('compressed') }],
    ['/metadata', { status: 302, redirectHost: '169.254.169.254' }],
    // This test uses a value that is valid as a host name. The value of the other tests is not.
    ['/leak-host', { status: 302, redirectHost: '<concealed by anima>.example.com' }],
    ['/elsewhere', { status: 307, redirectHost: expect.stringMatching(/^127\.0\.0\.1:\d+$/) }],
  ])('tells of %s without its body, and follows nothing', async (path, told) => {
    const name = path === '/leak-host' ? 'token' : 'secret';
    const { data } = await session.request(path, { headers: { authorization: `Bearer {{anima://app/${name}}}` } });
    expect(data).toMatchObject(told);
    expect(data.body).toBeUndefined();
    expect(hostile.received.some(({ url }) => url.startsWith('/stolen'))).toBe(false);
  });

  test.each([
    ['/slow', 'within 2 seconds'],
    ['/headers', 'too large'],
    ['/malformed', 'not valid HTTP'],
    ['/short', 'broke before'],
    ['/upgrade', 'another protocol'],
  ])('gives %s up', async (path, message) => {
    expect(await session.request(path)).toMatchObject({ isError: true, text: expect.stringContaining(message) });
  });

  test('makes at most eight requests at a time', async () => {
    const results = await Promise.all(Array.from({ length: 12 }, () => session.request('/silent')));
    expect(results.filter(({ text }) => text.includes('concurrent requests'))).toHaveLength(4);
    expect(results.every(({ isError }) => isError)).toBe(true);
  });
});

test('every use stands in the audit with agent, run and tool call', async () => {
  const admin = stack.clientOf(stack.vault.adminKey);
  const listUses = async () =>
    (await admin.audit.query({ name: 'app/secret' }).toArray()).filter(
      ({ route, agent }) => route === 'getValue' && agent !== undefined,
    );
  // Without this test's earlier ones, the first request to the host also reads every value that it may know.
  await session.request('/');
  const before = await listUses();
  await session.request('/');
  const uses = await listUses();
  expect(uses.at(-1)).toMatchObject({
    agent: 'Test-Client/-',
    run: 'run-of-this-test',
    toolCall: expect.stringMatching(/^\d+$/),
  });
  expect(uses.length).toBe(before.length + 1);
  expect(before.map(({ toolCall }) => toolCall)).not.toContain(uses.at(-1)?.toolCall);
});

test('malformed messages are passed over without a word of theirs, and the server goes on', async () => {
  const transport = session.client.transport as unknown as { _process: { stdin: NodeJS.WritableStream } };
  transport._process.stdin.write('not json MARKER-IN-MESSAGE\n{"jsonrpc":"1.0"}\n[]\n\n');
  await expect.poll(() => session.output()).toContain('received an invalid message');
  expect((await session.client.listTools()).tools).toHaveLength(6);
  expect(session.output()).not.toContain('MARKER-IN-MESSAGE');
});

test('a client that asks and closes its side at once is answered, and the process ends', async () => {
  const child = spawn(process.execPath, ['cli/main.ts', 'mcp', '--quiet'], {
    cwd: projectFolder,
    env: { ANIMA_URL: stack.vault.url, ANIMA_KEY: stack.vault.agentKey, XDG_CONFIG_HOME: folder },
  });
  const hello = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'pipe', version: '1' } };
  const messages = [
    { jsonrpc: '2.0', id: 1, method: 'initialize', params: hello },
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'list_secrets', arguments: { prefix: 'other/' } } },
  ];
  child.stdin.end(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  const answers = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(answers.map(({ id }) => id)).toEqual([1, 2]);
  expect(answers[1].result.structuredContent.secrets).toMatchObject([{ name: 'other/secret' }]);
  expect([stderr, code[0]]).toEqual(['', 0]);
});

test('without --allow-local nothing of this machine is reached; switches add what they say, and no more', async () => {
  const plain = await start(
    '--allow-reveal',
    '--allow-plain-requests',
    '--host',
    `http://127.0.0.1:${hostile.port}`,
    '*.example.com',
  );
  try {
    const before = hostile.received.length;
    const local = await plain.request('/');
    expect(local.text).toContain('not on the public internet');
    const outside = await plain.call('http_request', { url: 'https://example.org/' });
    expect(outside.text).toContain('makes requests only to');
    const plainHttp = await plain.request('/', {});
    expect(plainHttp.text).toContain('https://');
    expect(hostile.received.length).toBe(before);
    const beyond = await plain.call('generate_secret', { name: 'new', allowedHosts: ['*.example.org'] });
    expect(beyond.text).toContain('makes requests only to');
    expect((await plain.call('reveal_secret', { name: 'app/secret' })).data).toEqual({
      name: 'app/secret',
      version: 2,
      value: secret,
    });
  } finally {
    await plain.end();
  }
});

describe('share_file', () => {
  const root = join(folder, 'shared');
  let sharing: Session;
  beforeAll(async () => {
    mkdirSync(root);
    writeFileSync(join(root, 'chart.png'), 'not really a picture');
    writeFileSync(join(folder, 'outside.txt'), secret);
    symlinkSync(join(folder, 'outside.txt'), join(root, 'out.txt'));
    sharing = await start('--share-root', root, '--share-max-bytes', '1000');
  });
  afterAll(async () => await sharing.end());

  test('is there only with --share-root', async () => {
    expect((await sharing.client.listTools()).tools.map(({ name }) => name)).toContain('share_file');
    expect((await session.call('share_file', { path: 'chart.png' })).isError).toBe(true);
  });

  test('gives a link that opens the file, for a week unless told', async () => {
    const { data } = await sharing.call('share_file', { path: 'chart.png' });
    expect(data).toMatchObject({ name: 'chart.png', type: 'image/png', size: 20, burn: false });
    expect(Date.parse(data.expiresAt) - Date.now()).toBeGreaterThan(6.9 * 86_400_000);
    const opened = await openBlob(data.link);
    expect([await opened.text(), opened.name]).toEqual(['not really a picture', 'chart.png']);
    // The model gets the link, but the log does not.
    const log = sharing
      .output()
      .split('\n')
      .filter((line) => line.startsWith('anima mcp:'))
      .join();
    expect(log).toContain('share_file');
    expect(log).not.toContain('/b/');
  });

  test('keeps to burning, openings, expiry and another name', async () => {
    const told = { path: 'chart.png', burn: true, expiresIn: '10m', name: 'Chart of May.png' };
    const { data } = await sharing.call('share_file', told);
    expect(Date.parse(data.expiresAt) - Date.now()).toBeLessThan(601_000);
    const opened = await openBlob(data.link);
    expect([await opened.text(), opened.name, opened.burned]).toEqual([expect.any(String), told.name, true]);
    await expect(openBlob(data.link)).rejects.toMatchObject({ code: 'blob_spent' });
    const twice = await sharing.call('share_file', { path: 'chart.png', maxOpens: 2 });
    expect(await stack.client.blobs.info(twice.data.id)).toMatchObject({ maxOpens: 2 });
  });

  test('shares nothing from elsewhere, nothing too large, and takes no other arguments; nothing is begun', async () => {
    writeFileSync(join(root, 'large.bin'), Buffer.alloc(1001));
    stack.vault.calls.reset();
    const refused: [object, string][] = [
      [{ path: '../outside.txt' }, 'No such file'],
      [{ path: 'out.txt' }, 'No such file'],
      [{ path: '/etc/hostname' }, 'No such file'],
      [{ path: 'large.bin' }, 'at most 1000'],
      [{ path: 'chart.png', expiresIn: 'for ever' }, 'expiresIn'],
      [{ path: 'chart.png', maxOpens: 0 }, 'maxOpens'],
      [{ path: 'chart.png', to: 'someone' }, 'to'],
      [{}, 'path'],
    ];
    for (const [args, why] of refused) {
      expect(await sharing.call('share_file', args)).toMatchObject({
        isError: true,
        text: expect.stringContaining(why),
      });
    }
    expect(stack.vault.calls.count()).toBe(0);
    expect(tracesOf(secret, sharing.output())).toEqual([]);
  });

  test('stands in the audit with its tool call', async () => {
    const records = await stack.clientOf(stack.vault.adminKey).audit.query({ verb: 'blobs.write' }).toArray();
    expect(records.at(-1)).toMatchObject({ run: 'run-of-this-test', toolCall: expect.stringMatching(/^\d+$/) });
  });

  test('a folder that is none ends the server before it begins', async () => {
    await expect(start('--share-root', join(root, 'chart.png'))).rejects.toThrow();
  });
});
