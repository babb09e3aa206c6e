/**
 * The operations of users over real HTTP and the queue, while the synthesized policies are enforced on each call to the
 * emulated services.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { vaultApp } from '../../../bin/cdk-app.ts';
import { encodeKeySecret } from '../../../core/api-keys/api-key.ts';
import { formatUserKey, parseUserKey } from '../../../core/users/user-key.ts';
import { type LocalStack, startLocalStack } from '../../shared/local-stack.ts';
import { createPolicyAuthorizer } from '../../shared/policy-authorizer.ts';

const accountSid = `AC${'0'.repeat(32)}`;
const authToken = 'the token of the account';

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

/** Sends a Twilio webhook request for a message. */
async function text(stack: LocalStack, org: string, from: string, body: string): Promise<void> {
  const url = `${stack.vault.url}/v1/hooks/twilio/${org}`;
  const form = { AccountSid: accountSid, Body: body, From: from, MessageSid: `SM${hex(16)}`, To: '+447700900000' };
  const signed = url + Object.entries(form).flat().join('');
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'x-twilio-signature': createHmac('sha1', authToken).update(signed).digest('base64') },
    body: new URLSearchParams(form),
  });
  expect(answer.status, await answer.text()).toBe(200);
  await stack.vault.whenQueuesEmpty();
}

/** The JSON of a 2xx response. */
const asked = async (stack: LocalStack, key: string, method: string, path: string, body?: object) => {
  const answer = await stack.http(method, path, { key, ...(body && { body }) });
  const said = await answer.text();
  expect(Math.floor(answer.status / 100), `${method} ${path}: ${said}`).toBe(2);
  return JSON.parse(said);
};

type Ask = (method: string, path: string, body?: object) => ReturnType<typeof asked>;

async function passwords(stack: LocalStack, org: string, ask: Ask): Promise<void> {
  await ask('PUT', '/v1/account/password', { login: 'ada', password: 'correct horse battery' });
  const body = { org, login: 'ada', password: 'correct horse battery' };
  const login = await stack.http('POST', '/v1/sessions', { body });
  expect(login.status).toBe(200);
  const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  expect((await stack.http('GET', '/v1/account', { headers: { cookie } })).status).toBe(200);
  expect((await stack.http('DELETE', '/v1/sessions', { headers: { cookie } })).status).toBe(200);
  const refused = await stack.http('POST', '/v1/sessions', { body: { ...body, login: 'nobody' } });
  expect(refused.status).toBe(401);
  await ask('DELETE', '/v1/account/password');
}

async function memories(ask: Ask): Promise<string> {
  const { id } = await ask('POST', '/v1/memory/records', { data: { likes: 'tea' } });
  await ask('POST', '/v1/memory/batch-add', { items: [{ id: 'b1', data: 1 }] });
  await ask('PUT', `/v1/memory/records/${id}`, { data: { likes: 'coffee' }, writeId: hex(16) });
  expect(await ask('GET', `/v1/memory/records/${id}`)).toMatchObject({ data: { likes: 'coffee' } });
  expect((await ask('GET', '/v1/memory/records')).records).toHaveLength(2);
  expect((await ask('POST', '/v1/memory/search', { text: 'COFFEE' })).records).toHaveLength(1);
  await ask('DELETE', '/v1/memory/records/b1');
  return id;
}

async function messages(stack: LocalStack, org: string, ask: Ask): Promise<void> {
  const { code } = await ask('POST', '/v1/account/link');
  await text(stack, org, '+447700900123', `link ${code}`);
  await text(stack, org, '+447700900123', 'hello');
  const { messages: found } = await ask('GET', '/v1/messages');
  expect(found.map(({ role }: { role: string }) => role)).toEqual(['user', 'agent']);
  await text(stack, org, '+447700900456', 'I am another');
  await text(stack, org, '+447700900456', 'delete my account');
  const asked = new URLSearchParams(stack.vault.providerRequests().at(-1)?.body).get('Body') ?? '';
  const end = /delete my account (\S+)/.exec(asked)?.[1] ?? expect.fail(asked);
  await text(stack, org, '+447700900456', `delete my account ${end}`);
  expect(stack.vault.providerRequests().at(-1)?.body).toContain('is+deleted');
}

async function lifeOf(stack: LocalStack): Promise<void> {
  const { org, adminKey } = await stack.newOrg();
  const admin: Ask = (...request) => asked(stack, adminKey, ...request);
  await admin('PUT', '/v1/vault/values/channels/twilio', { value: JSON.stringify({ accountSid, authToken }) });
  const { user, key } = await admin('POST', '/v1/users');
  const ask: Ask = (...request) => asked(stack, key, ...request);
  await passwords(stack, org, ask);
  const id = await memories(ask);
  await messages(stack, org, ask);
  const parsed = parseUserKey(key) ?? expect.fail('no user key');
  const newKey = formatUserKey({ ...parsed, secret: encodeKeySecret(randomBytes(32)) });
  await ask('POST', '/v1/account/key', { newKey });
  const blob = await stack.clientOf(adminKey).blobs.put(new Uint8Array(8));
  for (const ref of ['value:channels/twilio', `blob:${blob.id}`, `memory:${user}/${id}`, `user:${user}`]) {
    const { canOpen } = await admin('GET', `/v1/explain?ref=${encodeURIComponent(ref)}`);
    expect(canOpen.length, ref).toBeGreaterThan(0);
  }
  await asked(stack, newKey, 'GET', `/v1/account/explain?ref=memory:${user}/${id}`);
  await asked(stack, newKey, 'PUT', '/v1/account/password', { login: 'ada', password: 'correct horse battery' });
  expect((await admin('GET', '/v1/users')).users.length).toBeGreaterThan(0);
  await admin('DELETE', `/v1/users/${user}`);
  await asked(stack, (await admin('POST', '/v1/users')).key, 'DELETE', '/v1/account');
  await asked(stack, (await admin('POST', '/v1/users')).key, 'POST', '/v1/memory/records', { data: 'left over' });
  await stack.vault.whenQueuesEmpty();
  expect(await admin('POST', '/v1/org/shred', { confirm: org })).toMatchObject({ state: 'shredded' });
}

/** Runs the deployed vault with the given context and enforced policies. Returns the allowed actions. */
async function enforced(context: Record<string, string>): Promise<ReadonlyMap<string, number>> {
  const outdir = mkdtempSync(join(tmpdir(), 'anima-custody-'));
  vaultApp({ context: { responder: 'sample', ...context }, outdir }).synth();
  const stack = await startLocalStack({ assembly: outdir, timeScale: 0.001 });
  try {
    const authorizer = createPolicyAuthorizer(stack.vault);
    stack.vault.setHooks(authorizer);
    await lifeOf(stack);
    expect(authorizer.denials).toEqual([]);
    return authorizer.allowed;
  } finally {
    await stack.vault.close();
    rmSync(outdir, { recursive: true, force: true });
  }
}

describe('with the policies enforced', () => {
  test('accounts, sessions, memory, messages, links, explanations and deletions work, and nothing is denied', async () => {
    const allowed = await enforced({});
    const used = ['kms:GenerateMac', 'kms:GenerateDataKey', 'kms:Decrypt', 'sts:AssumeRole', 'lambda:InvokeFunction'];
    const queue = ['sqs:SendMessage', 'sqs:ReceiveMessage', 'sqs:DeleteMessage'];
    for (const action of [...used, ...queue]) expect(allowed.get(action), action).toBeGreaterThan(0);
  });

  test('they work without session tags too, by the own roles of the functions', async () => {
    const allowed = await enforced({ sessionTags: 'off' });
    expect(allowed.get('kms:GenerateMac')).toBeGreaterThan(0);
    expect(allowed.get('sts:AssumeRole')).toBeUndefined();
  });
});
