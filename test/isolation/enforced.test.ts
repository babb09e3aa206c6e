/** The flow of every route over real HTTP, while the synthesized policies are enforced on each call to the engines. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { vaultApp } from '../../bin/app.ts';
import { groups, workflows } from '../../contract/routes.ts';
import { expectProblem, type Stack, startStack, useStack } from '../e2e/stack.ts';
import { type Authorizer, authorizerOf } from './authorizer.ts';

describe('with the policies enforced', () => {
  const stack = useStack({ functionConcurrency: 1, timeScale: 0.001 });
  let authorizer: Authorizer;
  beforeAll(() => {
    authorizer = authorizerOf(stack.vault);
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
    for (const action of ['sts:AssumeRole', 'sts:TagSession', 'kms:GenerateDataKey', 'kms:Decrypt', 'dynamodb:Query']) {
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

  test('a session is asked for once for each function and org, and never again while it lasts', async () => {
    const other = await stack.newOrg();
    const { vault } = stack.clientOf(other.agentKey);
    // Of these two functions alone: the sealer runs by its schedule.
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

/** Runs the vault as it deploys with some context, its policies enforced. */
async function enforced(
  context: Record<string, string>,
  run: (stack: Stack, authorizer: Authorizer) => Promise<void>,
): Promise<void> {
  const outdir = mkdtempSync(join(tmpdir(), 'anima-isolation-'));
  vaultApp({ context, outdir }).synth();
  const stack = await startStack({ assembly: outdir, timeScale: 0.001 });
  try {
    const authorizer = authorizerOf(stack.vault);
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

/** An assembly of the vault whose reader is another file than its own. */
function assemblyWithReader(readerFile: string): { folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'anima-isolation-'));
  const sources = fileURLToPath(new URL('../../lambdas', import.meta.url));
  for (const entry of [...groups, ...workflows]) {
    const source = entry === 'reader' ? readerFile : join(sources, `${entry}.ts`);
    writeFileSync(join(folder, `${entry}.ts`), `export { handler } from ${JSON.stringify(source)};\n`);
  }
  vaultApp({ handlers: folder, outdir: join(folder, 'out') }).synth();
  return { folder: join(folder, 'out'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

describe('a reader whose stores ask for the org that the caller names', () => {
  let assembly: ReturnType<typeof assemblyWithReader>;
  let stack: Stack;
  let victim: Awaited<ReturnType<Stack['newOrg']>>;
  beforeAll(async () => {
    assembly = assemblyWithReader(fileURLToPath(new URL('./wrong-org.ts', import.meta.url)));
    stack = await startStack({ assembly: assembly.folder, functionConcurrency: 1 });
    victim = await stack.newOrg();
    await stack.clientOf(victim.agentKey).vault.set(`item-of/${victim.org}/secret`, 'the plaintext of another org');
  });
  afterAll(async () => {
    await stack.vault.close();
    assembly.remove();
  });

  /** An org that has a DEK which the reader has not yet unwrapped. */
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
    // The table gave the item away; that it does not open is the work of its encryption alone.
    await expectProblem(await ask('item-of', 'secret', key), 'decryption_failed');

    const authorizer = authorizerOf(stack.vault);
    stack.vault.setHooks(authorizer);
    const answer = await ask('item-of', 'secret', key);
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('the plaintext');
    expect(authorizer.denials).toEqual([
      expect.stringMatching(/ReaderSession\S+ dynamodb:BatchGetItem arn:aws:dynamodb:\S*ValuesTable\w+$/),
    ]);
  });

  test('asks KMS for the key of another org where nothing is enforced, and is stopped by the policy where it is', async () => {
    // KMS was asked; that it gave nothing is only because this DEK is not of that org.
    await expectProblem(await ask('key-of', 'mine', await freshOrg()), 'decryption_failed');

    const key = await freshOrg();
    const authorizer = authorizerOf(stack.vault);
    stack.vault.setHooks(authorizer);
    await expectProblem(await ask('key-of', 'mine', key), 'key_unavailable');
    expect(authorizer.denials).toEqual([expect.stringMatching(/ReaderSession\S+ kms:Decrypt arn:aws:kms:\S+$/)]);
  });
});
