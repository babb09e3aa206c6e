/**
 * AWS is throttled, slow, or loses replies: a request either succeeds or reports that it did not, and can be repeated.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { formatApiKey, parseApiKey } from '../../core/api-keys/api-key.ts';
import type { EngineCall, InjectedFault } from '../../local/aws/endpoint/engine-hooks.ts';
import { Anima } from '../../sdk/src/index.ts';
import { beginUpload, bucketView, completeUpload, formOf, linkProof, postForm } from '../blobs/blob-requests.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack({ functionConcurrency: 1 });
afterEach(() => stack.vault.setHooks());

const throttled: InjectedFault = { type: 'ProvisionedThroughputExceededException', status: 400, message: 'slow down' };
const kmsThrottled: InjectedFault = { type: 'ThrottlingException', status: 400, message: 'slow down' };
const broken: InjectedFault = { type: 'InternalServerError', status: 500, message: 'sorry' };

/** Whether a call writes an audit record. Other tests cover failures of these calls. */
const isRecord = ({ input }: EngineCall) => JSON.stringify(input).includes('AuditTable');

/** From now on, every call of an action fails in this way. */
const failing = (action: string, fault: InjectedFault) =>
  stack.vault.setHooks({
    before: (call: EngineCall) => (call.action === action && !isRecord(call) ? fault : undefined),
  });

/** The next calls of an action fail; later calls succeed. */
function failingOnce(action: string, ...faults: InjectedFault[]) {
  stack.vault.setHooks({
    before: (call: EngineCall) => (call.action === action && !isRecord(call) ? faults.shift() : undefined),
  });
}

const key = () => stack.vault.agentKey;
const put = (name: string, body: object) => stack.http('PUT', `/v1/vault/values/${name}`, { key: key(), body });
const get = (name: string) => stack.http('GET', `/v1/vault/values/${name}`, { key: key() });

describe('a table that fails', () => {
  test.each([
    ['throttled', throttled],
    ['broken', broken],
    ['unreachable', 'drop-before' as const],
  ])('%s for reading: a retryable error with Retry-After, and nothing is changed', async (_, fault) => {
    await stack.client.vault.set('read', 'x');
    failing('BatchGetItem', fault);
    await expectProblem(await get('read'), 'unavailable');
    await expectProblem(await put('read', { value: 'y' }), 'unavailable');
    const batch = await stack.http('POST', '/v1/vault/batch-get', { key: key(), body: { names: ['read'] } });
    await expectProblem(batch, 'unavailable');
    stack.vault.setHooks();
    expect(await stack.client.vault.getWithInfo('read')).toMatchObject({ value: 'x' });
  });

  test.each([
    ['throttled', throttled],
    ['broken', broken],
    ['unreachable', 'drop-before' as const],
  ])('%s for writing: a retryable error with Retry-After, and nothing is stored', async (name, fault) => {
    failing('PutItem', fault);
    await expectProblem(await put(`write-${name}`, { value: 'y' }), 'unavailable');
    stack.vault.setHooks();
    await expectProblem(await get(`write-${name}`), 'value_not_found');
  });

  test('for a moment only: the request succeeds', async () => {
    failingOnce('BatchGetItem', throttled, 'drop-before');
    expect(await stack.client.vault.set('moment', 'x')).toMatchObject({ version: 1 });
    failingOnce('Query', broken);
    expect(await stack.client.vault.list({ prefix: 'moment' }).toArray()).toHaveLength(1);
  });

  test('that leaves some items of a batch unprocessed for good gives an error, not a gap', async () => {
    const items = Array.from({ length: 5 }, (_, n) => ({ name: `item/${n}`, value: 'x' }));
    let writes = 0;
    stack.vault.setHooks({
      before: (call) => (call.action === 'PutItem' && !isRecord(call) && ++writes % 2 === 0 ? broken : undefined),
    });
    const { results } = await (await stack.http('POST', '/v1/vault/batch-set', { key: key(), body: { items } })).json();
    stack.vault.setHooks();
    for (const { name, ok, error } of results) {
      if (!ok) expect(error.code).toBe('unavailable');
      expect((await get(name)).status).toBe(ok ? 200 : 404);
    }
    expect(results).toHaveLength(5);
  });
});

describe('lost replies', () => {
  test('between vault and table: the set stores one version and says so', async () => {
    failingOnce('PutItem', 'drop-after');
    expect(await stack.client.vault.set('lost/a', 'x')).toMatchObject({ version: 1 });
    failingOnce('PutItem', 'drop-after');
    expect(await stack.client.vault.set('lost/a', 'y', { ifVersion: 1 })).toMatchObject({ version: 2 });
    expect(await stack.client.vault.versions('lost/a')).toHaveLength(2);
    failingOnce('DeleteItem', 'drop-after');
    expect(await stack.client.vault.delete('lost/a', { ifVersion: 2 })).toBe(true);
  });

  test('between client and vault: the set sent again by the SDK stores one version', async () => {
    let lost = 0;
    const losing: typeof fetch = async (input, init) => {
      const answer = await fetch(input, init);
      if (lost++ < 2) throw new TypeError('fetch failed');
      return answer;
    };
    const client = new Anima({ apiKey: key(), baseURL: stack.vault.url, fetch: losing });
    expect(await client.vault.set('lost/b', 'x')).toMatchObject({ version: 1 });
    expect(lost).toBe(3);
    expect(await stack.client.vault.versions('lost/b')).toHaveLength(1);
    lost = 0;
    expect((await client.vault.setMany({ 'lost/c': 'x', 'lost/d': 'x' })).failed).toEqual([]);
    expect(await stack.client.vault.versions('lost/c')).toHaveLength(1);
  });

  test('of making the first DEK: one DEK, and the value opens', async () => {
    const other = await stack.newOrg();
    const { vault } = stack.clientOf(other.agentKey);
    failingOnce('PutItem', 'drop-after');
    await vault.set('a', 'x');
    expect(await vault.get('a')).toBe('x');
    const state = await (await stack.http('GET', '/v1/org', { key: other.adminKey })).json();
    expect(state).toMatchObject({ activeVersion: 1, deks: [{ version: 1 }] });
  });

  test('of making an org and a key: they are made once', async () => {
    failingOnce('PutItem', 'drop-after', 'drop-after');
    const made = await (await stack.asOperator('POST', '/v1/orgs')).json();
    stack.vault.setHooks();
    const { keys } = await (await stack.http('GET', '/v1/keys', { key: made.adminKey.key })).json();
    expect(keys).toHaveLength(1);
  });
});

describe('a KMS that fails', () => {
  test.each([
    ['throttled', kmsThrottled, 'unavailable' as const],
    ['broken', { type: 'KMSInternalException', status: 500 }, 'unavailable' as const],
    ['unreachable', 'drop-before' as const, 'unavailable' as const],
    ['a disabled KEK', { type: 'DisabledException', status: 400 }, 'key_unavailable' as const],
    ['a KEK pending deletion', { type: 'KMSInvalidStateException', status: 400 }, 'key_unavailable' as const],
    ['a KEK whose policy locks us out', { type: 'AccessDeniedException', status: 400 }, 'key_unavailable' as const],
  ])('%s: the first set of an org stores no keyring, no value, and says to come again', async (_, fault, code) => {
    const other = await stack.newOrg();
    failing('GenerateDataKeyWithoutPlaintext', fault);
    const answer = await stack.http('PUT', '/v1/vault/values/a', { key: other.agentKey, body: { value: 'x' } });
    await expectProblem(answer, code);
    stack.vault.setHooks();
    const state = await (await stack.http('GET', '/v1/org', { key: other.adminKey })).json();
    expect(state).toMatchObject({ activeVersion: 0, deks: [] });
    const { vault } = stack.clientOf(other.agentKey);
    await expect(vault.get('a')).rejects.toMatchObject({ code: 'value_not_found' });
    expect(await vault.set('a', 'x')).toMatchObject({ version: 1 });
  });

  test('for a while does not hold up what is warm, and a cold read says to come again', async () => {
    const other = await stack.newOrg();
    const { vault } = stack.clientOf(other.agentKey);
    await vault.set('a', 'x');
    failing('Decrypt', kmsThrottled);
    const cold = await stack.http('GET', '/v1/vault/values/a', { key: other.agentKey });
    await expectProblem(cold, 'unavailable');
    stack.vault.setHooks();
    expect(await vault.get('a')).toBe('x');
    failing('Decrypt', kmsThrottled);
    expect(await vault.get('a')).toBe('x');
  });
});

describe('the records of an org that a process does not know yet', () => {
  const kmsFaults = [
    ['throttled', kmsThrottled, 'unavailable'],
    ['broken', { type: 'KMSInternalException', status: 500 }, 'unavailable'],
    ['unreachable', 'drop-before', 'unavailable'],
    ['a disabled records key', { type: 'DisabledException', status: 400 }, 'key_unavailable'],
    ['a records key whose policy locks us out', { type: 'AccessDeniedException', status: 400 }, 'key_unavailable'],
  ] as const satisfies [string, InjectedFault, string][];
  const s3Faults = [
    ['throttled', { type: 'SlowDown', status: 503, message: 'slow down' }, 'unavailable'],
    ['broken', { type: 'InternalError', status: 500, message: 'sorry' }, 'unavailable'],
    ['unreachable', 'drop-before', 'unavailable'],
  ] as const satisfies [string, InjectedFault, string][];

  test.each([
    ...kmsFaults.map(([how, fault, code]) => ({ how, action: 'GenerateMac', fault, code })),
    ...s3Faults.map(([how, fault, code]) => ({ how, action: 'GetObject', fault, code })),
  ])('$action $how: $code, nothing is stored, and the failure is not kept', async ({ action, fault, code }) => {
    const other = await stack.newOrg();
    failing(action, fault);
    const value = { key: other.agentKey, body: { value: 'x' } };
    await expectProblem(await stack.http('PUT', '/v1/vault/values/a', value), code);
    await expectProblem(await stack.http('GET', '/v1/vault/values/a', { key: other.agentKey }), code);
    stack.vault.setHooks();
    const { vault } = stack.clientOf(other.agentKey);
    await expect(vault.get('a')).rejects.toMatchObject({ code: 'value_not_found' });
    expect(await vault.set('a', 'x')).toMatchObject({ version: 1 });
    // What is warm needs neither call.
    failing(action, fault);
    expect(await vault.get('a')).toBe('x');
    expect(await vault.set('a', 'y')).toMatchObject({ version: 2 });
  });

  test('a wrong secret causes no call to KMS or S3', async () => {
    const other = await stack.newOrg();
    const calls: string[] = [];
    stack.vault.setHooks({ before: ({ service, action }) => void calls.push(`${service} ${action}`) });
    const { key: made } = await (
      await stack.http('POST', '/v1/keys', { key: stack.vault.adminKey, body: { role: 'agent' } })
    ).json();
    calls.length = 0;
    const theirs = parseApiKey(other.agentKey) ?? expect.fail('malformed');
    const { secret } = parseApiKey(made) ?? expect.fail('malformed');
    const forged = formatApiKey({ ...theirs, secret });
    await expectProblem(await stack.http('GET', '/v1/vault/values/a', { key: forged }), 'invalid_api_key');
    expect(calls).toContain('dynamodb BatchGetItem');
    expect(calls.filter((call) => /^(kms|s3) /.test(call))).toEqual([]);
  });
});

describe('a store of objects that fails', () => {
  const content = new TextEncoder().encode('a small file');
  const faults: [string, InjectedFault][] = [
    ['throttled', { type: 'SlowDown', status: 503, message: 'slow down' }],
    ['broken', { type: 'InternalError', status: 500, message: 'sorry' }],
    ['unreachable', 'drop-before'],
  ];
  const blobsOf = async (apiKey: string) => await stack.clientOf(apiKey).blobs.list().toArray();

  test.each(faults)('%s: no upload is begun, and no record of one', async (_, fault) => {
    const other = await stack.newOrg();
    failing('CreateMultipartUpload', fault);
    await expectProblem(await stack.http('POST', '/v1/blobs', { key: other.agentKey, body: {} }), 'unavailable');
    stack.vault.setHooks();
    expect(await blobsOf(other.adminKey)).toEqual([]);
  });

  test.each(
    faults.flatMap(([how, fault]) =>
      ['HeadObject', 'CopyObject', 'DeleteObject'].map((action) => ({ how, fault, action })),
    ),
  )('$how for $action: no upload is completed, and none is lost', async ({ fault, action }) => {
    const begun = await beginUpload(stack, content);
    expect((await postForm(formOf(begun), begun.bytes)).status).toBe(204);
    failing(action, fault);
    await expectProblem(await completeUpload(stack, begun, begun.completion), 'unavailable');
    stack.vault.setHooks();
    expect(await stack.client.blobs.info(begun.id)).toMatchObject({ state: 'uploading' });
    expect((await completeUpload(stack, begun, begun.completion)).status).toBe(200);
    expect(await (await stack.client.blobs.get(begun.linkWithKey)).text()).toBe('a small file');
  });

  test.each(faults)(
    '%s: no deletion or burning is told that was not done, but none opens any more',
    async (_, fault) => {
      const [deleted, burned] = [
        await stack.client.blobs.put(content),
        await stack.client.blobs.put(content, { burn: true }),
      ];
      const burning = { body: { proof: await linkProof(burned.url, 'burn') } };
      const requests: (() => Promise<Response>)[] = [
        () => stack.http('DELETE', `/v1/blobs/${deleted.id}`, { key: key() }),
        () => stack.http('POST', `/v1/links/${burned.link}/burning`, burning),
      ];
      failing('DeleteObject', fault);
      for (const request of requests) await expectProblem(await request(), 'unavailable');
      await expect(stack.client.blobs.get(deleted.url)).rejects.toMatchObject({ code: 'blob_deleted' });
      await expect(stack.client.blobs.get(burned.url)).rejects.toMatchObject({ code: 'blob_spent' });
      stack.vault.setHooks();
      const objects = bucketView(stack.vault);
      const names = [deleted, burned].map(({ id }) => `${stack.vault.org}/${id}.enc`);
      expect(await objects.keys(stack.vault.org)).toEqual(expect.arrayContaining(names));
      for (const request of requests) expect((await request()).status).toBe(200);
      for (const name of names) expect(await objects.keys(stack.vault.org)).not.toContain(name);
    },
  );

  test.each(faults)('%s as the last opening is tagged: the opening is told nevertheless', async (_, fault) => {
    const { url } = await stack.client.blobs.put(content, { maxOpens: 1 });
    failing('PutObjectTagging', fault);
    expect(await (await stack.client.blobs.get(url)).text()).toBe('a small file');
  });
});

test('a table that fails counts no opening', async () => {
  const { id, url, link } = await stack.client.blobs.put(new TextEncoder().encode('x'), { maxOpens: 1 });
  const opening = { body: { proof: await linkProof(url, 'open') } };
  for (const [action, fault] of [
    ['BatchGetItem', throttled],
    ['UpdateItem', throttled],
    ['UpdateItem', 'drop-before'],
  ] as const) {
    failing(action, fault);
    await expectProblem(await stack.http('POST', `/v1/links/${link}/opening`, opening), 'unavailable');
  }
  stack.vault.setHooks();
  expect(await stack.client.blobs.info(id)).toMatchObject({ state: 'ready', openings: 0 });
  expect(await (await stack.client.blobs.get(url)).text()).toBe('x');
});

test('a table that does not answer in time gives a retryable error well before the function ends', async () => {
  await stack.client.vault.set('slow', 'x');
  failing('BatchGetItem', { delayMs: 4000 });
  const started = Date.now();
  await expectProblem(await get('slow'), 'unavailable');
  expect(Date.now() - started).toBeLessThan(12_000);
});
