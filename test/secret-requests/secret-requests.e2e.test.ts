/** Requests for a secret over HTTP: asking, answering, and everything that is refused. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { AuditRecord } from '../../contract/audit/wire.ts';
import type { CreatedSecretRequest, ShownSecretRequest } from '../../contract/secret-requests/wire.ts';
import { toBase64 } from '../../core/encoding/bytes.ts';
import { x25519PublicKey } from '../../core/hazmat/x25519.ts';
import type { Anima } from '../../sdk/src/index.ts';
import { expectProblem, type Item, useLocalStack } from '../shared/local-stack.ts';
import { type OpenedLink, openLink, proofOf, sealFor } from './answer-request.ts';

const stack = useLocalStack();
const canary = 'CANARY-of-a-requested-secret';
/** A key that uses secrets and cannot read them. */
let user: Anima;
let userKey: string;

beforeAll(async () => {
  const made = await stack.http('POST', '/v1/keys', { key: stack.vault.adminKey, body: { role: 'user-of-secrets' } });
  userKey = (await made.json()).key;
  user = stack.clientOf(userKey);
});

let names = 0;
const freeName = () => `prod/asked-${names++}/key`;

const post = (link: string, verb: string, body: unknown) =>
  stack.http('POST', `/v1/secret-links/${link}/${verb}`, { body });

async function look(opened: OpenedLink): Promise<ShownSecretRequest> {
  const answer = await post(opened.link, 'look', { proof: await proofOf(opened, 'look') });
  expect(answer.status).toBe(200);
  return await answer.json();
}

async function ask(body: object, key = stack.vault.agentKey): Promise<CreatedSecretRequest & { opened: OpenedLink }> {
  const answer = await stack.http('POST', '/v1/secret-requests', { key, body });
  expect(answer.status).toBe(201);
  const created: CreatedSecretRequest = await answer.json();
  return { ...created, opened: openLink(created.url) };
}

async function fill(opened: OpenedLink, value: string, rules: Record<string, string> = {}): Promise<Response> {
  const sealed = await sealFor(opened, await look(opened), { value, rules });
  return await post(opened.link, 'filling', { proof: await proofOf(opened, 'fill'), sealed });
}

describe('a request', () => {
  test('is answered once: the value has the rules of the person, and the agent sees its name alone', async () => {
    const name = freeName();
    const request = await user.vault.request(name, { why: 'to list the invoices of "May"' });
    expect(request.url).toMatch(/\/s\/[0-9a-z]{32}#[A-Za-z0-9_-]{86}$/);
    expect(await request.status()).toMatchObject({
      id: request.id,
      name,
      state: 'asked',
      expiresAt: request.expiresAt,
    });
    const opened = openLink(request.url);
    expect(await look(opened)).toMatchObject({ name, why: 'to list the invoices of "May"', replace: false });
    const filled = request.filled();
    expect(await (await fill(opened, canary, { allowed_hosts: 'api.example.com' })).json()).toEqual({ filled: true });
    expect(await filled).toMatchObject({ id: request.id, name, state: 'filled', closedAt: expect.any(String) });
    expect(await stack.client.vault.getWithInfo(name)).toMatchObject({
      value: canary,
      version: 1,
      metadata: { allowed_hosts: 'api.example.com' },
    });
    await expect(user.vault.get(name)).rejects.toMatchObject({ code: 'forbidden' });
    expect(await user.vault.getRules(name)).toEqual({ hosts: ['api.example.com'] });
  });

  test('is answered by a repetition of the same bytes, and by no other answer', async () => {
    const { opened, name } = await ask({ name: freeName(), why: 'twice' });
    const proof = await proofOf(opened, 'fill');
    const shown = await look(opened);
    const sealed = await sealFor(opened, shown, { value: 'first' });
    expect((await post(opened.link, 'filling', { proof, sealed })).status).toBe(200);
    expect((await post(opened.link, 'filling', { proof, sealed })).status).toBe(200);
    const other = await sealFor(opened, shown, { value: 'second' });
    await expectProblem(await post(opened.link, 'filling', { proof, sealed: other }), 'secret_request_filled');
    await expectProblem(
      await post(opened.link, 'look', { proof: await proofOf(opened, 'look') }),
      'secret_request_filled',
    );
    await expectProblem(
      await post(opened.link, 'denial', { proof: await proofOf(opened, 'deny') }),
      'secret_request_filled',
    );
    expect(await stack.client.vault.get(name)).toBe('first');
    expect(await stack.client.vault.versions(name)).toHaveLength(1);
  });

  test('of two answers at once, stores exactly one', async () => {
    const { opened, name } = await ask({ name: freeName(), why: 'at once' });
    const answers = await Promise.all([fill(opened, 'one'), fill(opened, 'two')]);
    const oks = answers.filter(({ status }) => status === 200);
    expect(oks).toHaveLength(1);
    for (const answer of answers) {
      if (answer.status === 200) continue;
      expect(['secret_request_filled', 'write_contention']).toContain((await answer.json()).code);
    }
    expect(await stack.client.vault.versions(name)).toHaveLength(1);
  });

  test('is denied by the person and cancelled by the agent, and then stores nothing', async () => {
    const denied = await ask({ name: freeName(), why: 'denied' });
    const proof = await proofOf(denied.opened, 'deny');
    const sealed = await sealFor(denied.opened, await look(denied.opened), { value: 'x' });
    for (let n = 0; n < 2; n++) expect((await post(denied.opened.link, 'denial', { proof })).status).toBe(200);
    const late = { proof: await proofOf(denied.opened, 'fill'), sealed };
    await expectProblem(await post(denied.opened.link, 'filling', late), 'secret_request_denied');
    const handle = await stack.client.vault.findRequest(denied.id);
    await expect(handle.filled()).rejects.toMatchObject({ code: 'secret_request_denied' });

    const cancelled = await stack.client.vault.request(freeName(), { why: 'cancelled' });
    expect(await cancelled.cancel()).toMatchObject({ state: 'cancelled' });
    expect(await cancelled.cancel()).toMatchObject({ state: 'cancelled' });
    const opened = openLink(cancelled.url);
    await expectProblem(
      await post(opened.link, 'look', { proof: await proofOf(opened, 'look') }),
      'secret_request_denied',
    );
    for (const { name } of [denied, cancelled])
      await expect(stack.client.vault.get(name)).rejects.toMatchObject({ code: 'value_not_found' });
  });

  test('needs a free name when it is made and when it is answered; the link stays open', async () => {
    const name = freeName();
    const { opened } = await ask({ name, why: 'free now' });
    await stack.client.vault.set(name, 'set meanwhile');
    await expectProblem(
      await stack.http('POST', '/v1/secret-requests', { key: stack.vault.agentKey, body: { name, why: 'taken' } }),
      'name_taken',
    );
    await expectProblem(await fill(opened, 'x'), 'name_taken');
    expect(await stack.client.vault.get(name)).toBe('set meanwhile');
    await stack.client.vault.delete(name);
    expect((await fill(opened, 'free again')).status).toBe(200);
    expect(await stack.client.vault.get(name)).toBe('free again');
  });

  test('replaces a value with its versions only if that was asked, by a key that can write', async () => {
    const name = freeName();
    await stack.client.vault.set(name, 'old');
    await stack.client.vault.set(name, 'older by now');
    await expectProblem(
      await stack.http('POST', '/v1/secret-requests', { key: userKey, body: { name, why: 'mine', replace: true } }),
      'forbidden',
    );
    const { opened } = await ask({ name, why: 'the old one leaked', replace: true });
    expect(await look(opened)).toMatchObject({ replace: true });
    expect((await fill(opened, 'new')).status).toBe(200);
    expect(await stack.client.vault.getWithInfo(name)).toMatchObject({ value: 'new', version: 1 });
    expect(await stack.client.vault.versions(name)).toHaveLength(1);
  });

  test('is the first thing of a new organization', async () => {
    const { agentKey } = await stack.newOrg();
    const { opened, name } = await ask({ name: freeName(), why: 'no DEK yet' }, agentKey);
    expect((await fill(opened, 'first of all')).status).toBe(200);
    expect(await stack.clientOf(agentKey).vault.get(name)).toBe('first of all');
  });
});

describe('is refused:', () => {
  test('a link whose API key was revoked meanwhile, or may no longer ask', async () => {
    const admin = stack.clientOf(stack.vault.adminKey);
    const { key, id } = await admin.keys.create({ role: 'user-of-secrets' });
    const { opened, name } = await ask({ name: freeName(), why: 'before the key leaked' }, key);
    const sealed = await sealFor(opened, await look(opened), { value: 'x' });
    await admin.keys.revoke(id);
    for (const answer of [
      await post(opened.link, 'look', { proof: await proofOf(opened, 'look') }),
      await post(opened.link, 'filling', { proof: await proofOf(opened, 'fill'), sealed }),
    ])
      expect(await expectProblem(answer, 'secret_request_denied')).toMatchObject({
        detail: expect.stringContaining('was revoked'),
      });
    await expect(admin.vault.get(name)).rejects.toMatchObject({ code: 'value_not_found' });
  });

  test('rules, metadata and hosts that an agent proposes', async () => {
    for (const more of [
      { rules: { hosts: ['evil.example.com'] } },
      { metadata: { allowed_hosts: 'evil.example.com' } },
      { allowed_hosts: 'evil.example.com' },
      { value: 'mine' },
    ]) {
      const body = { name: freeName(), why: 'with rules', ...more };
      await expectProblem(
        await stack.http('POST', '/v1/secret-requests', { key: stack.vault.agentKey, body }),
        'invalid_request',
      );
    }
  });

  test('a proof of another purpose, of another link, and without a link', async () => {
    const [{ opened }, other] = [await ask({ name: freeName(), why: 'a' }), await ask({ name: freeName(), why: 'b' })];
    const sealed = await sealFor(opened, await look(opened), { value: 'x' });
    const wrong = [
      await proofOf(opened, 'look'),
      await proofOf(opened, 'deny'),
      await proofOf(other.opened, 'fill'),
      toBase64(new Uint8Array(32)),
    ];
    for (const proof of wrong)
      await expectProblem(await post(opened.link, 'filling', { proof, sealed }), 'proof_refused');
    const [unknown, malformed] = [opened.link.replace(/.{16}$/, '0000000000000000'), 'not-a-link'];
    const proof = await proofOf(opened, 'fill');
    for (const link of [unknown, malformed])
      await expectProblem(await post(link, 'filling', { proof, sealed }), 'secret_request_not_found');
    const elsewhere = opened.link.replace(/^.{16}/, (await stack.newOrg()).org);
    await expectProblem(await post(elsewhere, 'filling', { proof, sealed }), 'secret_request_not_found');
    expect((await post(opened.link, 'filling', { proof, sealed })).status).toBe(200);
  });

  test('a secret sealed to another key, for another name, reason, time or request, or altered', async () => {
    const { opened, id } = await ask({ name: freeName(), why: 'bound' });
    const other = await ask({ name: freeName(), why: 'bound' });
    const shown = await look(opened);
    const swapped = { ...opened, publicKey: x25519PublicKey(new Uint8Array(32).fill(7)) };
    const altered = Buffer.from(await sealFor(opened, shown, { value: 'x' }), 'base64');
    altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
    const wrong = [
      await sealFor(swapped, shown, { value: 'x' }),
      await sealFor(opened, { ...shown, name: 'another/name' }, { value: 'x' }),
      await sealFor(opened, { ...shown, why: 'another reason' }, { value: 'x' }),
      await sealFor(opened, { ...shown, replace: true }, { value: 'x' }),
      await sealFor(opened, { ...shown, expiresAt: shown.createdAt }, { value: 'x' }),
      await sealFor({ ...opened, id: other.opened.id }, shown, { value: 'x' }),
      await sealFor({ ...opened, publicKey: other.opened.publicKey }, shown, { value: 'x' }),
      altered.toString('base64'),
      'AAAA',
    ];
    const proof = await proofOf(opened, 'fill');
    for (const sealed of wrong)
      await expectProblem(await post(opened.link, 'filling', { proof, sealed }), 'decryption_failed');
    expect(await (await stack.client.vault.findRequest(id)).status()).toMatchObject({ state: 'asked' });
    expect((await fill(opened, 'x')).status).toBe(200);
  });

  test('rules that are not valid, entries that are no rules, and values without or with too much text', async () => {
    const { opened } = await ask({ name: freeName(), why: 'rules' });
    const refused: [string, Record<string, string>][] = [
      ['x', { allowed_hosts: 'typed by mistake' }],
      ['x', { allowed_hosts: '*.github.io' }],
      ['x', { owner: 'me' }],
      ['x', { allowed_paths: 'x'.repeat(513) }],
      ['', {}],
      ['x'.repeat(65_537), {}],
    ];
    for (const [value, rules] of refused) {
      const problem = await expectProblem(await fill(opened, value, rules), 'invalid_request');
      expect(JSON.stringify(problem)).not.toContain('by mistake');
    }
    expect((await fill(opened, '\u0000'.repeat(65_536))).status).toBe(200);
  });

  test('a request of another org, of a name that the key has no permission for, and of an id that is none', async () => {
    const { id, name } = await ask({ name: freeName(), why: 'mine' });
    const limited = await stack.http('POST', '/v1/keys', {
      key: stack.vault.adminKey,
      body: { role: 'agent', prefixes: ['elsewhere/'] },
    });
    const { agentKey: stranger } = await stack.newOrg();
    for (const key of [stranger, (await limited.json()).key]) {
      for (const method of ['GET', 'DELETE'])
        await expectProblem(await stack.http(method, `/v1/secret-requests/${id}`, { key }), 'secret_request_not_found');
    }
    for (const odd of ['0000000000000000', 'odd'])
      await expectProblem(
        await stack.http('GET', `/v1/secret-requests/${odd}`, { key: stack.vault.agentKey }),
        'secret_request_not_found',
      );
    expect(await (await stack.client.vault.findRequest(id)).status()).toMatchObject({ name, state: 'asked' });
  });

  test('an item that the vault did not write, or whose record was changed', async () => {
    const [{ opened, id }, other] = [
      await ask({ name: freeName(), why: 'a' }),
      await ask({ name: freeName(), why: 'b' }),
    ];
    const table = stack.table('SecretRequestsTable');
    const key = { org: opened.id.org, id: `request/${id}` };
    const item = await stack.getItem(table, key);
    const foreign = await stack.getItem(table, { ...key, id: `request/${other.id}` });
    const proof = await proofOf(opened, 'look');
    const renamed = { ...item, request: { S: (item.request?.S ?? '').replace('asked-', 'renamed-') } };
    for (const forged of [renamed, { ...foreign, id: item.id ?? {} }, { ...item, mac: { S: 'AAAA' } }]) {
      await stack.putItem(table, forged as typeof item);
      await expectProblem(await post(opened.link, 'look', { proof }), 'decryption_failed');
    }
    // Another share makes the request unusable, and opens nothing.
    await stack.putItem(table, { ...item, share: foreign.share ?? {} } as typeof item);
    await expectProblem(await fill(opened, 'x'), 'decryption_failed');
    await stack.putItem(table, item);
    expect((await fill(opened, 'x')).status).toBe(200);
  });
});

describe('an answer that was interrupted', () => {
  async function interrupted(change: (item: Item) => Item) {
    const { opened, id, name } = await ask({ name: freeName(), why: 'interrupted' });
    const table = stack.table('SecretRequestsTable');
    const item = await stack.getItem(table, { org: opened.id.org, id: `request/${id}` });
    const sealed = await sealFor(opened, await look(opened), { value: 'first' });
    const body = { proof: await proofOf(opened, 'fill'), sealed };
    return { opened, name, body, interrupt: () => stack.putItem(table, change(item)) };
  }
  const claimed = (claim: string, secondsAgo: number) => (item: Item) => ({
    ...item,
    claim: { S: claim },
    claimedAt: { S: new Date(Date.now() - secondsAgo * 1000).toISOString() },
  });

  test('holds other answers off, for a minute as one that is being stored, then as one that may be stored', async () => {
    const recent = await interrupted(claimed('of another answer', 30));
    await recent.interrupt();
    await expectProblem(await post(recent.opened.link, 'filling', recent.body), 'write_contention');
    const deny = { proof: await proofOf(recent.opened, 'deny') };
    await expectProblem(await post(recent.opened.link, 'denial', deny), 'write_contention');
    await expect(stack.client.vault.get(recent.name)).rejects.toMatchObject({ code: 'value_not_found' });
    const old = await interrupted(claimed('of another answer', 61));
    await old.interrupt();
    await expectProblem(await post(old.opened.link, 'filling', old.body), 'secret_request_filled');
    const proof = await proofOf(old.opened, 'look');
    await expectProblem(await post(old.opened.link, 'look', { proof }), 'secret_request_filled');
    await expect(stack.client.vault.get(old.name)).rejects.toMatchObject({ code: 'value_not_found' });
    // The link can still be ended.
    const end = { proof: await proofOf(old.opened, 'deny') };
    expect((await post(old.opened.link, 'denial', end)).status).toBe(200);
  });

  test.each([
    ['of a free name', false],
    ['with replace', true],
  ])('lets nobody replace the value that it stored %s, also not after a minute', async (_, replace) => {
    const name = freeName();
    const admin = stack.clientOf(stack.vault.adminKey);
    if (replace) await admin.vault.set(name, 'before');
    const { opened, id } = await ask({ name, why: 'stored', ...(replace && { replace }) }, stack.vault.adminKey);
    const key = { org: opened.id.org, id: `request/${id}` };
    const table = stack.table('SecretRequestsTable');
    const shown = await look(opened);
    const asked = await stack.getItem(table, key);
    const proof = await proofOf(opened, 'fill');
    const first = await sealFor(opened, shown, { value: 'what the person typed' });
    expect((await post(opened.link, 'filling', { proof, sealed: first })).status).toBe(200);
    // As if the function had stopped after it stored the value, two minutes ago.
    const { claim = { S: '' } } = await stack.getItem(table, key);
    const claimedAt = { S: new Date(Date.now() - 120_000).toISOString() };
    await stack.putItem(table, { ...asked, claim, claimedAt });
    const second = await sealFor(opened, shown, { value: 'of somebody who has the link' });
    await expectProblem(await post(opened.link, 'filling', { proof, sealed: second }), 'secret_request_filled');
    expect(await admin.vault.get(name)).toBe('what the person typed');
    expect((await post(opened.link, 'filling', { proof, sealed: first })).status).toBe(200);
    expect(await (await admin.vault.findRequest(id)).status()).toMatchObject({ state: 'filled' });
    expect(await admin.vault.get(name)).toBe('what the person typed');
  });

  test('is completed by its repetition, also if the value was stored already', async () => {
    const one = await interrupted((item) => item);
    expect((await post(one.opened.link, 'filling', one.body)).status).toBe(200);
    // As if the function had stopped before it closed the request.
    await one.interrupt();
    expect((await post(one.opened.link, 'filling', one.body)).status).toBe(200);
    expect(await stack.client.vault.versions(one.name)).toHaveLength(1);
  });
});

test('a closed request has no share: KMS, the table and a recorded answer no longer open it', async () => {
  const { opened, id } = await ask({ name: freeName(), why: 'forward secrecy' });
  const key = { org: opened.id.org, id: `request/${id}` };
  expect((await stack.getItem(stack.table('SecretRequestsTable'), key)).share).toBeDefined();
  expect((await fill(opened, 'x')).status).toBe(200);
  const item = await stack.getItem(stack.table('SecretRequestsTable'), key);
  expect(Object.keys(item).sort()).toEqual(['claim', 'closedAt', 'id', 'mac', 'org', 'request', 'state', 'ttl']);
});

test('the audit has who asked, and the answer, with the name; no log, audit or table has the secret or the link', async () => {
  const { opened, name, url } = await ask({ name: freeName(), why: 'for the audit' });
  expect((await fill(opened, canary)).status).toBe(200);
  const denied = await ask({ name, why: 'again', replace: true });
  await post(denied.opened.link, 'denial', { proof: await proofOf(denied.opened, 'deny') });
  const admin = stack.clientOf(stack.vault.adminKey);
  const records: AuditRecord[] = [];
  for await (const record of admin.audit.query({ name })) records.push(record);
  const rows = records.map(({ route, verb, principal, result }) => [route, verb, principal.split(':')[0], result]);
  expect(rows).toEqual(
    expect.arrayContaining([
      ['createSecretRequest', 'values.request', expect.stringMatching(/^[0-9a-z]{16}$/), 'ok'],
      ['fillSecretRequest', 'requests.fill', 'request', 'started'],
      ['fillSecretRequest', 'requests.fill', 'request', 'ok'],
      ['denySecretRequest', 'requests.deny', 'request', 'ok'],
    ]),
  );
  const tables = ['SecretRequestsTable', 'ValuesTable', 'AuditTable', 'KeyringsTable', 'ApiKeysTable'] as const;
  const stored = await Promise.all(tables.map((table) => stack.allItems(stack.table(table))));
  const everything = JSON.stringify([stored, records]) + stack.vault.logs();
  expect(everything).toContain(name);
  const fragment = new URL(url).hash.slice(1);
  const secret = Buffer.from(fragment, 'base64url').subarray(0, 32);
  for (const bytes of [Buffer.from(canary), secret, Buffer.from(await proofOf(opened, 'fill'), 'base64')])
    for (const form of ['utf8', 'base64', 'base64url', 'hex'] as const)
      expect(everything).not.toContain(bytes.toString(form));
});

test('shredding the organization deletes its requests', async () => {
  const { org, adminKey, agentKey } = await stack.newOrg();
  const { opened } = await ask({ name: freeName(), why: 'shredded' }, agentKey);
  await stack.clientOf(adminKey).org.shred({ confirm: org, waitDays: 0 });
  await expect
    .poll(async () => (await stack.allItems(stack.table('SecretRequestsTable'))).filter((item) => item.org?.S === org))
    .toEqual([]);
  await expectProblem(
    await post(opened.link, 'look', { proof: await proofOf(opened, 'look') }),
    'secret_request_not_found',
  );
});
