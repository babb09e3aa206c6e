/**
 * The deployed function against a hostile host: the set that the MCP server is tested with. No byte of a secret reaches
 * the caller, or another host.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FetchRequest, FetchResponse } from '../../contract/broker/wire.ts';
import { addressesOffTheInternet } from '../egress/addresses-off-the-internet.ts';
import { type HostileServer, startHostileServer } from '../egress/hostile-server.ts';
import { tracesOf } from '../egress/secret-search.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();
const secret = 'sk_live_"4eC39/Hq+LyjWDarj\'tT1&zdp<7dc>%41';
const token = 'tok_Zq8rT5vX2nLk9sWd4fGh7jPm';
let hostile: HostileServer;
let other: HostileServer;
let userKey: string;

const bearer = { authorization: 'Bearer {{anima://prod/secret}}' };

beforeAll(async () => {
  [hostile, other] = await Promise.all([startHostileServer(), startHostileServer()]);
  const admin = stack.clientOf(stack.vault.adminKey);
  const metadata = { allowed_hosts: `http://127.0.0.1:${hostile.port}` };
  await admin.vault.set('prod/secret', secret, { metadata });
  await admin.vault.set('prod/token', token, { metadata });
  userKey = (await admin.keys.create({ role: 'user-of-secrets', prefixes: ['prod/'] })).key;
});
afterAll(async () => {
  await Promise.all([hostile.close(), other.close()]);
});

/** What the caller received, of all tests. */
const told: string[] = [];
afterEach(() => {
  expect(told.join('\n')).not.toContain(secret);
  expect(other.received).toEqual([]);
});

const post = (body: object, key = userKey) => stack.http('POST', '/v1/fetch', { key, body });

async function ask(path: string, request: Partial<FetchRequest> = {}): Promise<{ status: number; text: string }> {
  const answer = await post({ url: `http://127.0.0.1:${hostile.port}${path}`, headers: bearer, ...request });
  const text = await answer.text();
  told.push(text);
  expect(tracesOf(secret, text)).toEqual([]);
  expect(tracesOf(token, text)).toEqual([]);
  return { status: answer.status, text };
}

async function expectResponse(path: string, request: Partial<FetchRequest> = {}): Promise<FetchResponse> {
  const { status, text } = await ask(path, request);
  expect(status, text).toBe(200);
  return JSON.parse(text);
}

describe('a value that is used', () => {
  test('reaches the host in a header, the query, a form, JSON and text, and not the caller', async () => {
    const start = hostile.received.length;
    const use = '{{anima://prod/secret}}';
    await expectResponse('/ok');
    await expectResponse('/ok?a=b', { headers: {}, query: { key: use } });
    await expectResponse('/ok', { method: 'POST', headers: {}, form: { key: use } });
    await expectResponse('/ok', { method: 'POST', headers: {}, json: { key: [use] } });
    await expectResponse('/ok', { method: 'PUT', headers: {}, body: `<${use}>` });
    await expectResponse('/ok', { headers: {}, auth: { type: 'basic', user: 'me', password: use } });
    const [header, query, form, json, text, basic] = hostile.received.slice(start);
    expect(header?.headers.authorization).toBe(`Bearer ${secret}`);
    expect(new URL(query?.url ?? '', 'http://x').searchParams.get('key')).toBe(secret);
    expect(new URL(query?.url ?? '', 'http://x').searchParams.get('a')).toBe('b');
    expect(new URLSearchParams(form?.body).get('key')).toBe(secret);
    expect(JSON.parse(json?.body ?? '')).toEqual({ key: [secret] });
    expect(text?.body).toBe(`<${secret}>`);
    expect(Buffer.from(basic?.headers.authorization?.slice(6) ?? '', 'base64').toString()).toBe(`me:${secret}`);
  });

  test('is concealed in every spelling, and the rest of the response is shown', async () => {
    const answer = await expectResponse('/echo');
    expect(answer.body).toContain('<concealed by anima>');
    expect(answer.body).toContain('the end');
    expect(answer.headers).not.toHaveProperty('set-cookie');
    expect(answer.headers).not.toHaveProperty('x-echo');
  });

  test('is concealed when it arrives character by character, in the status line, and at the limit of the body', async () => {
    expect((await expectResponse('/drops')).body).toContain('the end');
    expect((await expectResponse('/status')).statusText).toContain('<concealed by anima>');
    const cut = await expectResponse('/cut', { maxResponseBytes: 4096 });
    expect(cut.truncated).toBe(true);
    expect(cut.body).toMatch(/^x{4086}<concealed by anima>$/);
  });

  test.each([
    ['/utf16', 'binary'],
    ['/gzip', 'compressed'],
    ['/metadata', 'redirect'],
    ['/leak-host', 'redirect'],
    ['/elsewhere', 'redirect'],
  ])('is not in the response to %s, whose body is not returned: %s', async (path, reason) => {
    const start = hostile.received.length;
    const answer = await expectResponse(path);
    expect(answer.bodyOmitted).toBe(reason);
    expect(answer).not.toHaveProperty('body');
    // No redirect was followed.
    expect(hostile.received).toHaveLength(start + 1);
  });

  test.each([
    ['/slow', 504, 'upstream_timeout'],
    ['/silent', 504, 'upstream_timeout'],
    ['/headers', 502, 'upstream_failed'],
    ['/malformed', 502, 'upstream_failed'],
    ['/short', 502, 'upstream_failed'],
    ['/upgrade', 502, 'upstream_failed'],
  ])('is not in the error after %s: %i %s', async (path, status, code) => {
    const answer = await ask(path, { timeoutMs: 1500 });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({ code, retryable: false });
  });

  test('is cut off when a response is endless', async () => {
    const answer = await expectResponse('/endless', { maxResponseBytes: 5000 });
    expect(answer.truncated).toBe(true);
  });

  test('is concealed later too, in the response to a request with another value, also in an older version', async () => {
    await expectResponse('/keep');
    const admin = stack.clientOf(stack.vault.adminKey);
    await admin.vault.set('prod/secret', 'a-newer-value-of-the-secret', {
      metadata: { allowed_hosts: `http://127.0.0.1:${hostile.port}` },
    });
    const answer = await expectResponse('/kept', { headers: { authorization: 'Bearer {{anima://prod/token}}' } });
    expect(answer.body).toContain('<concealed by anima>');
    await admin.vault.set('prod/secret', secret, { metadata: { allowed_hosts: `http://127.0.0.1:${hostile.port}` } });
  });
});

describe('a use that the rules do not allow is refused before anything is sent', () => {
  test.each([
    ['another port', () => ({ url: `http://127.0.0.1:${other.port}/` })],
    ['another host', () => ({ url: 'https://example.com/' })],
    ['another scheme', () => ({ url: `https://127.0.0.1:${hostile.port}/` })],
    ['user information in the address', () => ({ url: `http://x@127.0.0.1:${hostile.port}/` }), 'invalid_request'],
    [
      'a placeholder in the address',
      () => ({ url: `http://127.0.0.1:${hostile.port}/{{anima://prod/secret}}` }),
      'invalid_request',
    ],
    ['no placeholder', () => ({ headers: {} }), 'invalid_request'],
    ['a header that only the vault sets', () => ({ headers: { ...bearer, host: 'example.com' } }), 'invalid_request'],
    ['a malformed placeholder', () => ({ headers: { authorization: 'anima://prod/secret' } }), 'invalid_request'],
    ['a name outside of the key', () => ({ headers: { authorization: '{{anima://dev/secret}}' } }), 'forbidden'],
    ['a name that does not exist', () => ({ headers: { authorization: '{{anima://prod/none}}' } }), 'value_not_found'],
  ] as [string, () => Partial<FetchRequest>, string?][])('%s', async (_, request, code = 'use_refused') => {
    const start = hostile.received.length;
    const answer = await post({ url: `http://127.0.0.1:${hostile.port}/`, headers: bearer, ...request() });
    const text = await answer.clone().text();
    await expectProblem(answer, code as Parameters<typeof expectProblem>[1]);
    expect(tracesOf(secret, text)).toEqual([]);
    expect(hostile.received).toHaveLength(start);
  });

  test('the vault itself, whatever the rules say', async () => {
    const { host } = new URL(stack.vault.url);
    const admin = stack.clientOf(stack.vault.adminKey);
    await admin.vault.set('prod/own', 'a-value-for-the-vault', { metadata: { allowed_hosts: `http://${host}` } });
    const answer = await post({ url: `http://${host}/v1/org`, headers: { authorization: '{{anima://prod/own}}' } });
    expect(await expectProblem(answer, 'use_refused')).toMatchObject({
      detail: expect.stringContaining('vault itself'),
    });
  });

  test('every address off the public internet, in each of its spellings, whatever the rules say', async () => {
    const admin = stack.clientOf(stack.vault.adminKey);
    const spellings = ['0x7f.1', '0177.0.0.1', '2130706433', '127.1', 'localhost', '127.0.0.1.', '[::ffff:a9fe:a9fe]'];
    const literals = addressesOffTheInternet.map((address) => (address.includes(':') ? `[${address}]` : address));
    const codes: string[] = [];
    for (const host of [...literals, ...spellings]) {
      await admin.vault.set('prod/meta', 'a-value-for-metadata', { metadata: { allowed_hosts: host } });
      const headers = { authorization: '{{anima://prod/meta}}' };
      const answer = await post({ url: `https://${host}/latest/meta-data/`, headers });
      const { code } = await answer.json();
      // Some spellings are no rule or no URL at all.
      expect([host, code]).toEqual([
        host,
        expect.toBeOneOf(['destination_refused', 'use_refused', 'invalid_request', 'value_unusable']),
      ]);
      codes.push(code);
    }
    expect(codes.filter((code) => code === 'destination_refused').length).toBeGreaterThan(30);
  });
});

test('a key that may only use values is refused by every route that reads or changes one', async () => {
  const client = stack.clientOf(userKey);
  for (const call of [
    () => client.vault.get('prod/secret'),
    () => client.vault.getWithInfo('prod/secret', { version: 1 }),
    () => client.vault.set('prod/secret', 'x'),
    () => client.vault.delete('prod/secret'),
    () => client.vault.getMany(['prod/secret']),
    () => client.vault.setRules('prod/secret', { hosts: ['example.com'] }),
  ])
    await expect(call()).rejects.toMatchObject({ code: 'forbidden' });
  expect(JSON.stringify(await client.vault.list({ prefix: 'prod/' }).toArray())).not.toContain('sk_live');
  expect(await client.vault.getRules('prod/secret')).toEqual({ hosts: [`http://127.0.0.1:${hostile.port}`] });
});

test('each use is in the audit, with names, host, method and outcome, and nothing else of it', async () => {
  await expectResponse('/audited-path', { query: { audited: 'query' } });
  await ask('/silent', { timeoutMs: 300 });
  const records = await stack.clientOf(stack.vault.adminKey).audit.query({ verb: 'values.use' }).toArray();
  const host = `127.0.0.1:${hostile.port}`;
  const common = { route: 'fetch', names: ['prod/secret'], host, method: 'GET' };
  const last = records.slice(-4);
  expect(last).toMatchObject([
    { ...common, result: 'started' },
    { ...common, result: 'ok', upstream: '2xx' },
    { ...common, result: 'started' },
    { ...common, result: 'upstream_timeout' },
  ]);
  expect(last[3]).not.toHaveProperty('upstream');
  expect(JSON.stringify(records)).not.toMatch(/audited|sk_live|Bearer/);
});

test('the SDK returns a standard Response, and never repeats what may have reached the host', async () => {
  const client = stack.clientOf(userKey);
  const start = hostile.received.length;
  const url = `http://127.0.0.1:${hostile.port}`;
  const response = await client.vault.fetch(`${url}/ok?key={{anima://prod/secret}}&x=y`, { method: 'POST', body: 'b' });
  expect(response).toBeInstanceOf(Response);
  expect([response.status, await response.text()]).toEqual([200, 'ok']);
  const sent = new URL(hostile.received.at(-1)?.url ?? '', url).searchParams;
  expect([sent.get('key'), sent.get('x')]).toEqual([secret, 'y']);
  const failing = client.vault.fetch(`${url}/short`, { headers: bearer });
  await expect(failing).rejects.toMatchObject({ code: 'upstream_failed' });
  expect(hostile.received).toHaveLength(start + 2);
});
