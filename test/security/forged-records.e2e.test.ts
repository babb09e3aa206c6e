/**
 * An attacker who can write every table, but can use neither KMS nor the locked bucket, changes the records that grant
 * access. A restart of the vault stands for processes that read the marks again.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeKeySecret, formatApiKey, parseApiKey } from '../../core/api-keys/api-key.ts';
import { expectProblem, type Item, type LocalStack, startLocalStack } from '../shared/local-stack.ts';

let folder: string;
let stack: LocalStack;
const start = async () => await startLocalStack({ dataDir: join(folder, 'data'), functionConcurrency: 1 });
async function restart(): Promise<void> {
  await stack.vault.close();
  stack = await start();
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'anima-forged-'));
  stack = await start();
});
afterAll(async () => {
  await stack.vault.close();
  rmSync(folder, { recursive: true, force: true });
});

const idOf = (apiKey: string): { org: string; id: string } => {
  const { org, id } = parseApiKey(apiKey) ?? expect.fail('not an API key');
  return { org, id };
};
const keyItem = (apiKey: string) => stack.getItem(stack.table('ApiKeysTable'), idOf(apiKey));
const putKey = (item: Item) => stack.putItem(stack.table('ApiKeysTable'), item);
const keyringOf = (org: string) => stack.getItem(stack.table('KeyringsTable'), { org });
const putKeyring = (item: Item) => stack.putItem(stack.table('KeyringsTable'), item);
const get = (name: string, key: string) => stack.http('GET', `/v1/vault/values/${name}`, { key });
const without = (item: Item, ...names: string[]): Item =>
  Object.fromEntries(Object.entries(item).filter(([name]) => !names.includes(name)));
const createKey = async (admin: string, body: object): Promise<string> =>
  (await (await stack.http('POST', '/v1/keys', { key: admin, body })).json()).key;

describe('records of API keys', () => {
  test('a record for a secret of the attacker is refused, and the list of keys names it as damaged', async () => {
    const { org, adminKey, agentKey } = await stack.newOrg();
    await stack.clientOf(agentKey).vault.set('secret', 'v');
    const secret = encodeKeySecret(Buffer.alloc(32, 7));
    const forged = formatApiKey({ org, id: 'attackerattacker', secret });
    const hash = createHash('sha256').update(secret).digest('base64');
    const genuine = await keyItem(adminKey);
    for (const item of [
      without(genuine, 'mac'),
      genuine,
      { ...genuine, mac: { S: '' } },
      { ...genuine, mac: { N: '1' } },
    ]) {
      await putKey({ ...item, id: { S: 'attackerattacker' }, hash: { S: hash } });
      const answer = await get('secret', forged);
      expect(answer.status === 401 || answer.status === 422).toBe(true);
    }
    const listed = await (await stack.http('GET', '/v1/keys', { key: adminKey })).json();
    expect(listed.damaged).toEqual(['attackerattacker']);
    expect(listed.keys).toHaveLength(2);
  });

  test('a stronger role, more verbs, no prefixes or a later expiry turn a key into one that is refused', async () => {
    const { adminKey, agentKey } = await stack.newOrg();
    await stack.clientOf(agentKey).vault.setMany({ 'a/x': 'v', 'b/x': 'v' });
    const limits = { verbs: ['values.read'], prefixes: ['a/'], expiresAt: '2099-01-01T00:00:00Z' };
    const reader = await createKey(adminKey, { role: 'reader', ...limits });
    const item = await keyItem(reader);
    const changes: Item[] = [
      { ...item, role: { S: 'admin' } },
      without(item, 'prefixes'),
      without(item, 'verbs'),
      without(item, 'expiresAt'),
      { ...item, expiresAt: { S: '2199-01-01T00:00:00.000Z' } },
      { ...item, prefixes: { L: [{ S: 'a/' }, { S: 'b/' }] } },
      { ...item, mac: (await keyItem(adminKey)).mac ?? { S: '' } },
    ];
    for (const changed of changes) {
      await putKey(changed);
      await expectProblem(await get('a/x', reader), 'invalid_api_key');
      await expectProblem(await get('b/x', reader), 'invalid_api_key');
    }
    await putKey(item);
    expect((await get('a/x', reader)).status).toBe(200);
  });

  test('the record of a key of another org gives no access to this one', async () => {
    const [mine, theirs] = [await stack.newOrg(), await stack.newOrg()];
    await stack.clientOf(mine.agentKey).vault.set('secret', 'v');
    const { id } = idOf(theirs.adminKey);
    await putKey({ ...(await keyItem(theirs.adminKey)), org: { S: mine.org } });
    const { secret } = parseApiKey(theirs.adminKey) ?? expect.fail('not an API key');
    await expectProblem(await get('secret', formatApiKey({ org: mine.org, id, secret })), 'invalid_api_key');
  });

  test('a rotation does not sign what somebody wrote into the record', async () => {
    const { adminKey } = await stack.newOrg();
    const reader = await createKey(adminKey, { role: 'reader' });
    await putKey({ ...(await keyItem(reader)), role: { S: 'admin' } });
    const answer = await stack.http('POST', `/v1/keys/${idOf(reader).id}/rotation`, { key: adminKey, body: {} });
    await expectProblem(answer, 'decryption_failed');
  });

  test('revoked, rotated, deleted and damaged keys stay ended, although their records are put back', async () => {
    const { adminKey, agentKey } = await stack.newOrg();
    await stack.clientOf(agentKey).vault.set('secret', 'v');
    const made = await Promise.all(Array.from({ length: 4 }, () => createKey(adminKey, { role: 'reader' })));
    const [revoked = '', rotated = '', missing = '', damaged = ''] = made;
    const before = await Promise.all(made.map(keyItem));
    const revoke = (key: string) => stack.http('DELETE', `/v1/keys/${idOf(key).id}`, { key: adminKey });
    expect((await revoke(revoked)).status).toBe(200);
    const rotation = { key: adminKey, body: { overlapSeconds: 0 } };
    expect((await stack.http('POST', `/v1/keys/${idOf(rotated).id}/rotation`, rotation)).status).toBe(201);
    await putKey({ ...(await keyItem(damaged)), mac: { S: '' } });
    await expectProblem(await revoke(damaged), 'decryption_failed');
    await stack.deleteItem(stack.table('ApiKeysTable'), idOf(missing));
    await expectProblem(await revoke(missing), 'api_key_not_found');
    for (const item of before) await putKey(item);
    await restart();
    for (const key of made) await expectProblem(await get('secret', key), 'api_key_expired');
    expect(await stack.clientOf(agentKey).vault.get('secret')).toBe('v');
  });
});

describe('keyrings', () => {
  test('a keyring without DEKs needs its MAC too', async () => {
    const { org, agentKey } = await stack.newOrg();
    const item = await keyringOf(org);
    for (const changed of [
      without(item, 'mac'),
      { ...item, createdAt: { S: '2020-01-01T00:00:00.000Z' } },
      { ...item, generation: { N: '7' } },
      { ...item, lock: { M: { shredAt: { S: 'x' }, requestedAt: { S: 'x' }, by: { S: 'x' } } } },
    ]) {
      await putKeyring(changed);
      const answer = await stack.http('PUT', '/v1/vault/values/a', { key: agentKey, body: { value: 'v' } });
      await expectProblem(answer, 'decryption_failed');
    }
    await putKeyring(item);
    await stack.clientOf(agentKey).vault.set('a', 'v');
  });

  test('removing a pending shredding, or putting the earlier keyring back, unlocks nothing', async () => {
    const { org, adminKey, agentKey } = await stack.newOrg();
    await stack.clientOf(agentKey).vault.set('a', 'v');
    const before = await keyringOf(org);
    const body = { confirm: org, waitDays: 7 };
    expect((await stack.http('POST', '/v1/org/shred', { key: adminKey, body })).status).toBe(200);
    const locked = await keyringOf(org);
    await putKeyring(without(locked, 'lock'));
    await expectProblem(await get('a', agentKey), 'decryption_failed');
    await putKeyring(before);
    await restart();
    await expectProblem(await get('a', agentKey), 'decryption_failed');
    await putKeyring(locked);
    await expectProblem(await get('a', agentKey), 'org_locked');
    expect((await stack.http('DELETE', '/v1/org/shred', { key: adminKey })).status).toBe(200);
    expect(await stack.clientOf(agentKey).vault.get('a')).toBe('v');
    // The locked keyring is now the old one.
    await putKeyring(locked);
    await restart();
    await expectProblem(await get('a', agentKey), 'decryption_failed');
  });

  test('a shredded org stays shredded, and no receipt number is issued twice', async () => {
    const { org, adminKey, agentKey } = await stack.newOrg();
    await stack.clientOf(agentKey).vault.set('a', 'v');
    const keyring = await keyringOf(org);
    const shred = { key: adminKey, body: { confirm: org } };
    const first = await (await stack.http('POST', '/v1/org/shred', shred)).json();
    expect(first.receipts).toHaveLength(1);
    const tombstone = await keyringOf(org);
    const changes: Item[] = [
      { ...tombstone, state: { S: 'active' } },
      without(tombstone, 'mac'),
      { ...tombstone, issued: { N: '0' }, receipts: { L: [] } },
      { ...tombstone, final: { BOOL: false } },
    ];
    for (const changed of changes) {
      await putKeyring(changed);
      await expectProblem(await stack.http('GET', '/v1/org/shred', { key: adminKey }), 'decryption_failed');
    }
    await putKeyring(keyring);
    await restart();
    await expectProblem(await get('a', agentKey), 'org_shredded');
    await expectProblem(
      await stack.http('PUT', '/v1/vault/values/b', { key: agentKey, body: { value: 'v' } }),
      'org_shredded',
    );
    await expectProblem(await stack.http('GET', '/v1/org/shred', { key: adminKey }), 'org_shredded');
    await putKeyring(tombstone);
    const again = await (await stack.http('POST', '/v1/org/shred', shred)).json();
    expect(again.receipts[0]).toBe(first.receipts[0]);
  });

  test('the keyring of another org cannot replace that of an org', async () => {
    const { org, agentKey } = await stack.newOrg();
    await stack.clientOf(agentKey).vault.set('a', 'v');
    const other = await stack.newOrg();
    await putKeyring({ ...(await keyringOf(other.org)), org: { S: org } });
    await expectProblem(await get('a', agentKey), 'decryption_failed');
  });
});
