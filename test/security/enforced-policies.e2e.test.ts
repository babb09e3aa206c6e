/**
 * The operation of every route over real HTTP, while the synthesized policies are enforced on each call to the emulated
 * services.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { vaultApp } from '../../bin/cdk-app.ts';
import { assemblyWith } from '../shared/assembly-with-handler.ts';
import { expectProblem, type LocalStack, startLocalStack, useLocalStack } from '../shared/local-stack.ts';
import { createPolicyAuthorizer, type PolicyAuthorizer } from '../shared/policy-authorizer.ts';

describe('with the policies enforced', () => {
  const stack = useLocalStack({ functionConcurrency: 1, timeScale: 0.001 });
  let authorizer: PolicyAuthorizer;
  beforeAll(() => {
    authorizer = createPolicyAuthorizer(stack.vault);
    stack.vault.setHooks(authorizer);
  });

  test('values, batches, lists, keys and orgs work for two orgs, and nothing is denied', async () => {
    const other = await stack.newOrg();
    for (const key of [stack.vault.agentKey, other.agentKey]) {
      const { vault } = stack.clientOf(key);
      await vault.set('a/one', 'x');
      await vault.set('a/one', 'y', { ifVersion: 1 });
      expect(await vault.get('a/one')).toBe('y');
      expect(await vault.get('a/one', { version: 1 })).toBe('x');
      const names = Array.from({ length: 120 }, (_, n) => `many/${n}`);
      expect((await vault.setMany(names.map((name) => ({ name, value: name })))).failed).toEqual([]);
      expect((await vault.getMany(names)).failed).toEqual([]);
      expect(await vault.list({ prefix: 'many/', pageSize: 50 }).toArray()).toHaveLength(120);
      expect(await vault.versions('a/one')).toHaveLength(2);
      expect(await vault.delete('a/one')).toBe(true);
    }
    const key = other.adminKey;
    const made = await stack.http('POST', '/v1/keys', { key, body: { role: 'agent' } });
    const { id } = await made.json();
    expect((await stack.http('GET', '/v1/keys', { key })).status).toBe(200);
    expect((await stack.http('DELETE', `/v1/keys/${id}`, { key })).status).toBe(200);
    expect((await stack.http('GET', '/v1/org', { key })).status).toBe(200);
    expect(authorizer.denials).toEqual([]);
    for (const action of [
      ...['sts:AssumeRole', 'sts:TagSession', 'dynamodb:Query', 's3:GetObject', 's3:PutObject'],
      ...['kms:GenerateDataKeyWithoutPlaintext', 'kms:Decrypt', 'kms:GenerateMac'],
    ]) {
      expect(authorizer.allowed.get(action), action).toBeGreaterThan(0);
    }
  });

  test("the whole life of an org's keys works, audited and shredded at the end, and nothing is denied", async () => {
    const other = await stack.newOrg();
    const key = other.adminKey;
    const { vault } = stack.clientOf(key);
    const json = async (method: string, path: string, body?: object) => {
      const answer = await stack.http(method, path, { key, ...(body && { body }) });
      expect(answer.status, `${method} ${path}`).toBe(200);
      return await answer.json();
    };
    for (const name of ['a', 'b']) await vault.set(name, 'x');
    await json('POST', '/v1/org/rotation', {});
    const rotated = async () => (await json('GET', '/v1/org/rotation')).rotation?.state;
    await expect.poll(rotated, { timeout: 20_000 }).toBe('done');
    expect(await vault.get('a')).toBe('x');
    await json('POST', '/v1/vault/destroy/b', { confirm: 'b' });
    expect((await json('GET', '/v1/audit')).records.length).toBeGreaterThan(5);
    await json('GET', '/v1/audit/export');
    expect((await stack.http('GET', '/.well-known/jwks.json')).status).toBe(200);
    await json('POST', '/v1/org/shred', { confirm: other.org, waitDays: 1 });
    await json('DELETE', '/v1/org/shred');
    expect(await vault.get('a')).toBe('x');
    expect(await json('POST', '/v1/org/shred', { confirm: other.org })).toMatchObject({ state: 'shredded' });
    await expect(vault.get('a')).rejects.toMatchObject({ code: 'org_shredded' });
    expect(authorizer.denials).toEqual([]);
  });

  test('files are uploaded by form and in parts, opened, burned, relinked, deleted and shredded for two orgs, and nothing is denied', async () => {
    const small = new TextEncoder().encode('a small file');
    const large = new Uint8Array(17 * 1024 * 1024).map((_, n) => n);
    const other = await stack.newOrg();
    for (const key of [stack.vault.agentKey, other.agentKey]) {
      const { blobs } = stack.clientOf(key);
      for (const content of [small, large]) {
        const { id, url } = await blobs.put(content);
        expect((await (await blobs.get(url)).bytes()).length).toBe(content.length);
        const relinked = await blobs.relink(id, url);
        await expect(blobs.look(url)).rejects.toMatchObject({ code: 'blob_not_found' });
        expect((await blobs.look(relinked.url)).burn).toBe(false);
        expect(await blobs.delete(id)).toBe(true);
      }
      const secret = await blobs.put(small, { burn: true });
      expect(await (await blobs.get(secret.url)).text()).toBe('a small file');
      await expect(blobs.get(secret.url)).rejects.toMatchObject({ code: 'blob_spent' });
      expect((await blobs.info(secret.id)).state).toBe('burned');
      const last = await blobs.put(small, { maxOpens: 1, expiresIn: '1h' });
      expect(await (await blobs.get(last.url)).text()).toBe('a small file');
      await blobs.put(small);
      await stack.http('POST', '/v1/blobs', { key, body: {} });
    }
    const { adminKey: key, org } = other;
    expect(await stack.clientOf(key).blobs.list().toArray()).toHaveLength(6);
    const shredded = await stack.http('POST', '/v1/org/shred', { key, body: { confirm: org } });
    expect(await shredded.json()).toMatchObject({ state: 'shredded' });
    expect(authorizer.denials).toEqual([]);
    const used = [
      'PutObject',
      'PutObjectTagging',
      'GetObject',
      'ListMultipartUploadParts',
      'DeleteObject',
      'ListBucket',
    ];
    for (const action of used) expect(authorizer.allowed.get(`s3:${action}`), action).toBeGreaterThan(0);
  });

  test('a session is asked for once for each function and org, and never again while it lasts', async () => {
    const other = await stack.newOrg();
    const { vault } = stack.clientOf(other.agentKey);
    // Only these two functions are counted, because the sealer runs on a schedule.
    const sessions = () =>
      stack.vault.calls.list().filter((call) => call.service === 'sts' && /^(?:Reader|Writer)/.test(call.principal));
    stack.vault.calls.reset();
    await vault.set('b', 'x');
    await vault.get('b');
    expect(sessions()).toHaveLength(2);
    stack.vault.calls.reset();
    for (let n = 0; n < 5; n++) await vault.set('b', String(n));
    expect(await vault.get('b')).toBe('4');
    expect(sessions()).toEqual([]);
  });

  test('a function without its session reaches no data: where STS refuses, nothing is read', async () => {
    const other = await stack.newOrg();
    stack.vault.calls.reset();
    stack.vault.setHooks({
      before: ({ service }) => (service === 'sts' ? { type: 'ServiceUnavailable', status: 503 } : undefined),
    });
    await expectProblem(await stack.http('GET', '/v1/vault/values/b', { key: other.agentKey }), 'unavailable');
    const read = stack.vault.calls.list().filter(({ principal }) => principal.startsWith('Reader'));
    expect(read.map(({ service }) => service)).not.toContain('dynamodb');
    stack.vault.setHooks(authorizer);
    await expectProblem(await stack.http('GET', '/v1/vault/values/b', { key: other.agentKey }), 'value_not_found');
  });
});

/** Runs the deployed vault with the given context and enforced policies. */
async function enforced(
  context: Record<string, string>,
  run: (stack: LocalStack, authorizer: PolicyAuthorizer) => Promise<void>,
): Promise<void> {
  const outdir = mkdtempSync(join(tmpdir(), 'anima-isolation-'));
  vaultApp({ context, outdir }).synth();
  const stack = await startLocalStack({ assembly: outdir, timeScale: 0.001 });
  try {
    const authorizer = createPolicyAuthorizer(stack.vault);
    stack.vault.setHooks(authorizer);
    stack.vault.calls.reset();
    await run(stack, authorizer);
  } finally {
    await stack.vault.close();
    rmSync(outdir, { recursive: true, force: true });
  }
}

describe('with session tags switched off', () => {
  test('the functions work by their own roles, without STS, within the policies', async () => {
    await enforced({ sessionTags: 'off' }, async (stack, authorizer) => {
      const { adminKey, agentKey } = await stack.newOrg();
      const { vault } = stack.clientOf(agentKey);
      await vault.set('a', 'x');
      expect(await vault.get('a')).toBe('x');
      expect(await vault.list().toArray()).toHaveLength(1);
      expect((await stack.http('GET', '/v1/org', { key: adminKey })).status).toBe(200);
      expect(authorizer.denials).toEqual([]);
      expect(stack.vault.calls.count({ service: 'sts' })).toBe(0);
    });
  });
});

describe('with a threshold of messages', () => {
  test('the writer may count them, and starts the rotation when they are reached', async () => {
    await enforced({ rotationMessages: '3' }, async (stack, authorizer) => {
      const { adminKey, agentKey } = await stack.newOrg();
      const { vault } = stack.clientOf(agentKey);
      for (const n of [1, 2, 3]) await vault.set(`a/${n}`, 'x');
      const version = async () => (await (await stack.http('GET', '/v1/org', { key: adminKey })).json()).activeVersion;
      await expect.poll(version, { timeout: 20_000 }).toBe(2);
      expect(await vault.get('a/1')).toBe('x');
      expect(authorizer.denials).toEqual([]);
    });
  });
});

describe('a reader whose stores ask for the org that the caller names', () => {
  let assembly: ReturnType<typeof assemblyWith>;
  let stack: LocalStack;
  let victim: Awaited<ReturnType<LocalStack['newOrg']>>;
  beforeAll(async () => {
    assembly = assemblyWith('reader', new URL('./faulty-reader-handler.ts', import.meta.url));
    stack = await startLocalStack({ assembly: assembly.folder, functionConcurrency: 1 });
    victim = await stack.newOrg();
    await stack.clientOf(victim.agentKey).vault.set(`item-of/${victim.org}/secret`, 'the plaintext of another org');
  });
  afterAll(async () => {
    await stack.vault.close();
    assembly.remove();
  });

  /** Creates an org with a DEK that the reader has not unwrapped yet. */
  const freshOrg = async (): Promise<string> => {
    stack.vault.setHooks();
    const { agentKey } = await stack.newOrg();
    await stack.clientOf(agentKey).vault.set(`key-of/${victim.org}/mine`, 'x');
    return agentKey;
  };
  const ask = (kind: string, name: string, key: string) =>
    stack.http('GET', `/v1/vault/values/${kind}/${victim.org}/${name}`, { key });

  test('gets the item of another org where nothing is enforced, and is stopped by the policy where it is', async () => {
    const key = await freshOrg();
    // The table returned the item. Only its encryption prevents decryption.
    await expectProblem(await ask('item-of', 'secret', key), 'decryption_failed');

    const authorizer = createPolicyAuthorizer(stack.vault);
    stack.vault.setHooks(authorizer);
    const answer = await ask('item-of', 'secret', key);
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('the plaintext');
    expect(authorizer.denials).toEqual([
      expect.stringMatching(/anima-reader-session-\S+ dynamodb:BatchGetItem arn:aws:dynamodb:\S*ValuesTable\w+$/),
    ]);
  });

  test('asks KMS for the key of another org where nothing is enforced, and is stopped by the policy where it is', async () => {
    // KMS received the request. It failed only because this DEK belongs to another org.
    await expectProblem(await ask('key-of', 'mine', await freshOrg()), 'decryption_failed');

    const key = await freshOrg();
    const authorizer = createPolicyAuthorizer(stack.vault);
    stack.vault.setHooks(authorizer);
    await expectProblem(await ask('key-of', 'mine', key), 'key_unavailable');
    expect(authorizer.denials).toEqual([
      expect.stringMatching(/anima-reader-session-\S+ kms:Decrypt arn:aws:kms:\S+$/),
    ]);
  });
});

describe('a function of links that signs for the object of another org', () => {
  let assembly: ReturnType<typeof assemblyWith>;
  let stack: LocalStack;
  beforeAll(async () => {
    assembly = assemblyWith('links', new URL('./faulty-links-handler.ts', import.meta.url));
    stack = await startLocalStack({ assembly: assembly.folder, functionConcurrency: 1 });
  });
  afterAll(async () => {
    await stack.vault.close();
    assembly.remove();
  });

  test('hands out its ciphertext where nothing is enforced, and is stopped by the policy where it is', async () => {
    const content = new TextEncoder().encode('the content of an org');
    const [victim, caller] = [await stack.newOrg(), await stack.newOrg()];
    const { blobs } = stack.clientOf(caller.agentKey);
    const victims = await stack.clientOf(victim.agentKey).blobs.put(content);
    const { url } = await blobs.put(content);
    expect(await (await blobs.get(victims.url)).text()).toBe('the content of an org');
    // S3 returned the object. Only its encryption prevents decryption.
    await expect(blobs.get(url)).rejects.toMatchObject({ code: 'decryption_failed' });

    const authorizer = createPolicyAuthorizer(stack.vault);
    stack.vault.setHooks(authorizer);
    await expect(blobs.get(url)).rejects.toMatchObject({ code: 'storage_refused' });
    expect(new Set(authorizer.denials)).toEqual(
      new Set([
        expect.stringMatching(
          new RegExp(`anima-links-session-\\S+ s3:GetObject arn:aws:s3:::\\S+/${victim.org}/\\S+$`),
        ),
      ]),
    );
  });
});
