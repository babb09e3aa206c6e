import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import * as z from 'zod/mini';
import { routeSchemas } from '../../contract/route-schemas.ts';
import { type RouteId, routes } from '../../contract/routes.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();

/** Asserts that a response matches the contract of its route, and returns its body. */
async function expectAnswer(id: RouteId, answer: Response) {
  expect(answer.status).toBe(routes[id].status);
  const body = await answer.json();
  expect(z.safeParse(routeSchemas[id].response, body)).toMatchObject({ success: true });
  return body;
}

describe('organizations', () => {
  test('a new one has an admin key, no DEK, and gets its first DEK with its first value', async () => {
    const made = await expectAnswer('createOrg', await stack.asOperator('POST', '/v1/orgs'));
    const key = made.adminKey.key;
    const state = async () => await expectAnswer('getOrg', await stack.http('GET', '/v1/org', { key }));
    expect(await state()).toEqual({
      org: made.org,
      state: 'active',
      createdAt: made.createdAt,
      activeVersion: 0,
      deks: [],
    });
    expect(await stack.clientOf(key).vault.list().toArray()).toEqual([]);
    await stack.clientOf(key).vault.set('a', 'x');
    expect(await state()).toMatchObject({ activeVersion: 1, deks: [{ version: 1, state: 'active' }] });
  });

  test('each sees its own values only, under the same names', async () => {
    const other = await stack.newOrg();
    await stack.client.vault.set('same/name', 'mine');
    const theirs = stack.clientOf(other.agentKey).vault;
    await expect(theirs.get('same/name')).rejects.toMatchObject({ code: 'value_not_found' });
    await theirs.set('same/name', 'theirs');
    expect(await stack.client.vault.get('same/name')).toBe('mine');
    expect(await theirs.delete('same/name')).toBe(true);
    expect(await stack.client.vault.get('same/name')).toBe('mine');
  });

  test('one whose first 20 values come at once has one DEK', async () => {
    const other = await stack.newOrg();
    const { vault } = stack.clientOf(other.agentKey);
    await Promise.all(Array.from({ length: 20 }, (_, n) => vault.set(`first/${n}`, `${n}`)));
    for (let n = 0; n < 20; n++) expect(await vault.get(`first/${n}`)).toBe(`${n}`);
    const state = await (await stack.http('GET', '/v1/org', { key: other.adminKey })).json();
    expect(state.deks).toHaveLength(1);
  });
});

describe('API keys', () => {
  test('are shown once, listed without their secret, and refused from the next request after revoking', async () => {
    const key = stack.vault.adminKey;
    const body = { role: 'agent', name: 'crawler' };
    const made = await expectAnswer('createKey', await stack.http('POST', '/v1/keys', { key, body }));
    const { vault } = stack.clientOf(made.key);
    await vault.set('by/crawler', 'x');
    const listed = await expectAnswer('listKeys', await stack.http('GET', '/v1/keys', { key }));
    const { id, createdAt } = made;
    expect(listed.keys).toContainEqual({
      id,
      role: 'agent',
      name: 'crawler',
      createdAt,
      lastUsedAt: expect.any(String),
    });
    expect(JSON.stringify(listed)).not.toContain(made.key.slice(-49));
    const revoked = await expectAnswer('revokeKey', await stack.http('DELETE', `/v1/keys/${made.id}`, { key }));
    await expect(vault.get('by/crawler')).rejects.toMatchObject({ code: 'api_key_revoked' });
    const again = await expectAnswer('revokeKey', await stack.http('DELETE', `/v1/keys/${made.id}`, { key }));
    expect(again).toEqual(revoked);
  });

  test('of agents may use values but not make, list or revoke keys', async () => {
    const key = stack.vault.agentKey;
    await expectProblem(await stack.http('POST', '/v1/keys', { key, body: { role: 'agent' } }), 'forbidden');
    await expectProblem(await stack.http('GET', '/v1/keys', { key }), 'forbidden');
    await expectProblem(await stack.http('DELETE', '/v1/keys/0123456789abcdef', { key }), 'forbidden');
    await expectAnswer('getOrg', await stack.http('GET', '/v1/org', { key }));
  });

  test("can't revoke themselves, keys of another org, or what does not exist", async () => {
    const other = await stack.newOrg();
    const key = stack.vault.adminKey;
    const idOf = (text: string) => text.split('_')[2] ?? '';
    await expectProblem(await stack.http('DELETE', `/v1/keys/${idOf(key)}`, { key }), 'forbidden');
    await expectProblem(await stack.http('DELETE', `/v1/keys/${idOf(other.agentKey)}`, { key }), 'api_key_not_found');
    await expectProblem(await stack.http('DELETE', `/v1/keys/${'x'.repeat(3000)}`, { key }), 'api_key_not_found');
    expect(await stack.clientOf(other.agentKey).vault.list().toArray()).toEqual([]);
  });

  test('tell the hour in which they were last used, and nothing before they were', async () => {
    const { keys } = stack.clientOf(stack.vault.adminKey);
    const made = await keys.create({ role: 'agent' });
    const seen = async () => (await keys.list().toArray()).find(({ id }) => id === made.id);
    expect(await seen()).not.toHaveProperty('lastUsedAt');
    await stack.clientOf(made.key).vault.list().toArray();
    const lastUsedAt = (await seen())?.lastUsedAt ?? expect.fail('not noted');
    expect(lastUsedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:00:00\.000Z$/);
    expect(Date.now() - Date.parse(lastUsedAt)).toBeLessThan(2 * 3_600_000);
  });

  test('are used all the same when their use can’t be noted', async () => {
    const { key } = await stack.clientOf(stack.vault.adminKey).keys.create({ role: 'agent' });
    stack.vault.setHooks({
      before: ({ action }) => (action === 'UpdateItem' ? { type: 'AccessDeniedException', status: 400 } : undefined),
    });
    try {
      expect(await stack.clientOf(key).vault.list().toArray()).toBeInstanceOf(Array);
    } finally {
      stack.vault.setHooks({});
    }
  });

  test('narrowed to folders, verbs and a time do that and no more, and answer as the contract says', async () => {
    const admin = stack.clientOf(stack.vault.adminKey);
    await admin.vault.setMany({ 'prod/db': 'p', 'production/db': 'q' });
    const rights = { role: 'agent', prefixes: ['prod/'], verbs: ['values.read', 'org.read'] };
    const body = { ...rights, expiresAt: '2099-01-01T00:00:00+01:00' };
    const answer = await stack.http('POST', '/v1/keys', { key: stack.vault.adminKey, body });
    const made = await expectAnswer('createKey', answer);
    expect(made).toMatchObject({ ...rights, expiresAt: '2098-12-31T23:00:00.000Z' });
    const { vault } = stack.clientOf(made.key);
    expect(await vault.get('prod/db')).toBe('p');
    await expect(vault.get('production/db')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(vault.set('prod/db', 'x')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(vault.list({ prefix: 'prod/' }).toArray()).rejects.toMatchObject({ code: 'forbidden' });
    const many = await vault.getMany(['prod/db', 'production/db', 'prod/none']);
    expect([...many].map((item) => (item.ok ? 'ok' : item.error.code))).toEqual(['ok', 'forbidden', 'value_not_found']);
  });

  test('are replaced with an overlap, in which both work', async () => {
    const admin = stack.clientOf(stack.vault.adminKey);
    const old = await admin.keys.create({ role: 'agent', name: 'rotated', prefixes: ['r/'] });
    const path = `/v1/keys/${old.id}/rotation`;
    const answer = await stack.http('POST', path, { key: stack.vault.adminKey, body: { overlapSeconds: 2 } });
    const { replacement, replaced } = await expectAnswer('rotateKey', answer);
    expect(replacement).toMatchObject({ role: 'agent', name: 'rotated', prefixes: ['r/'] });
    await stack.clientOf(old.key).vault.set('r/a', 'x');
    expect(await stack.clientOf(replacement.key).vault.get('r/a')).toBe('x');
    await sleep(Math.max(0, Date.parse(replaced.expiresAt) - Date.now()) + 10);
    await expect(stack.clientOf(old.key).vault.get('r/a')).rejects.toMatchObject({ code: 'api_key_expired' });
    expect(await stack.clientOf(replacement.key).vault.get('r/a')).toBe('x');
  });

  test('of an admin replace themselves, but never without time to ask again', async () => {
    const { adminKey } = await stack.newOrg();
    const id = adminKey.split('_')[2] ?? '';
    const own = stack.clientOf(adminKey).keys;
    await expect(own.rotate(id, { overlapSeconds: 0 })).rejects.toMatchObject({ code: 'invalid_request' });
    const { replacement } = await own.rotate(id);
    expect(await stack.clientOf(replacement.key).keys.list().toArray()).toHaveLength(3);
  });

  test('of an org narrowed in every way make no stronger key', async () => {
    const admin = stack.clientOf(stack.vault.adminKey).keys;
    const expiresAt = new Date(Date.now() + 3_600_000);
    const made = await admin.create({
      role: 'admin',
      prefixes: ['n/'],
      verbs: ['keys.write', 'values.read'],
      expiresAt,
    });
    const narrow = stack.clientOf(made.key).keys;
    const allowed = { role: 'agent', prefixes: ['n/a/'], verbs: ['values.read'], expiresAt } as const;
    expect(await narrow.create(allowed)).toMatchObject({ prefixes: ['n/a/'] });
    for (const more of [
      { prefixes: undefined },
      { prefixes: ['na/'] },
      { verbs: undefined },
      { verbs: ['values.write'] as const },
      { expiresAt: undefined },
      { expiresAt: new Date(expiresAt.getTime() + 1) },
    ]) {
      await expect(narrow.create({ ...allowed, ...more })).rejects.toMatchObject({ code: 'forbidden' });
    }
  });

  test('are listed over pages', async () => {
    const other = await stack.newOrg();
    for (let n = 0; n < 4; n++) await stack.http('POST', '/v1/keys', { key: other.adminKey, body: { role: 'agent' } });
    const seen: string[] = [];
    let query = '?limit=2';
    for (;;) {
      const page = await (await stack.http('GET', `/v1/keys${query}`, { key: other.adminKey })).json();
      seen.push(...page.keys.map((k: { id: string }) => k.id));
      if (page.cursor === undefined) break;
      query = `?limit=2&cursor=${page.cursor}`;
    }
    expect(new Set(seen).size).toBe(6);
    expect(seen).toHaveLength(6);
  });
});

describe('answers', () => {
  test('of every vault route are what the contract says', async () => {
    const key = stack.vault.agentKey;
    const at = '/v1/vault/values/contract/a';
    const body = { value: 'x', metadata: { a: 'b' }, expiresAt: '2099-01-01T00:00:00Z' };
    await expectAnswer('setValue', await stack.http('PUT', at, { key, body }));
    await expectAnswer('getValue', await stack.http('GET', at, { key }));
    await expectAnswer('listValues', await stack.http('GET', '/v1/vault/values?limit=1', { key }));
    await expectAnswer('listVersions', await stack.http('GET', '/v1/vault/versions/contract/a', { key }));
    const names = { names: ['contract/a', 'contract/none'] };
    await expectAnswer('getValues', await stack.http('POST', '/v1/vault/batch-get', { key, body: names }));
    const items = {
      items: [
        { name: 'contract/b', value: 'y' },
        { name: 'contract/a', value: 'z', ifVersion: 9 },
      ],
    };
    await expectAnswer('setValues', await stack.http('POST', '/v1/vault/batch-set', { key, body: items }));
    await expectAnswer('deleteValue', await stack.http('DELETE', at, { key }));
  });

  test('are described by the served OpenAPI document, every route and every error code', async () => {
    const document = await expectAnswer('getOpenApi', await stack.http('GET', '/v1/openapi.json'));
    expect(document.openapi).toBe('3.1.0');
    for (const [id, { method, path, status }] of Object.entries(routes)) {
      const operation = document.paths[path.replace('+}', '}')]?.[method.toLowerCase()];
      expect(operation?.operationId).toBe(id);
      expect(Object.keys(operation.responses)).toContain(String(status));
    }
    const set = document.paths['/v1/vault/values/{name}'].put;
    expect(set.responses['409'].description).toContain('version_conflict');
    expect(set.requestBody.content['application/json'].schema.additionalProperties).toBe(false);
  });
});
