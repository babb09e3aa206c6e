/** Custody `approval` over HTTP, as the template defines the service: SDK of the setter, of devices and of the agent. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memoryStorage } from '../../sdk/src/device/storage/memory-storage.ts';
import type { Anima } from '../../sdk/src/index.ts';
import { DirectoryAdmin } from '../../sdk/src/session/admin/directory-admin.ts';
import { approvalCustody } from '../../sdk/src/session/approvals/approval-custody.ts';
import type { SessionClient } from '../../sdk/src/session/session-client.ts';
import { SessionDevices } from '../../sdk/src/session/session-devices.ts';
import { type ApprovalTicket, isApprovalNeeded } from '../../sdk/src/values/approval-ticket.ts';
import { runAnima, temporaryHome } from '../cli/in-process-cli.ts';
import { ann, bob } from '../core/directory/directory-simulator.ts';
import { type HostileServer, startHostileServer } from '../egress/hostile-server.ts';
import { useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();
const secret = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc';
const home = temporaryHome();
let host: HostileServer;
let admin: DirectoryAdmin;
let setter: Anima;
let agent: Anima;
let org: string;
let adminKey: string;

/** Waiting runs what a test wants to happen meanwhile. */
const clock = { onWait: async () => {}, now: () => Date.now(), wait: () => clock.onWait() };

async function enroll(confirmer?: SessionClient): Promise<SessionClient> {
  const invite = await admin.invite({ person: ann, role: 'owner' });
  let admitted: string | undefined;
  clock.onWait = async () => {
    if (admitted === undefined) admitted = await admin.admit({ invite, can: ['approve'] });
    else {
      const found = admin.devices().find(({ device }) => device === admitted);
      await confirmer?.countersign(admitted, { fingerprint: found?.fingerprint });
    }
  };
  const options = { storage: memoryStorage(), baseURL: stack.vault.url, clock, webSocket: false } as const;
  return await new SessionDevices(options).enroll({ invite: invite.invite });
}

const custody = () => approvalCustody({ org, approver: ann, pin: admin.pin });
const address = (path = '/ok') => `http://127.0.0.1:${host.port}${path}`;
const metadata = () => ({ allowed_hosts: `http://127.0.0.1:${host.port}` });
const headers = { authorization: 'Bearer {{anima://prod/key}}' };

async function ask(path?: string): Promise<ApprovalTicket> {
  const needed = await agent.vault
    .fetch(address(path), { headers, approval: 'return', reason: 'a test' })
    .catch((e) => e);
  return isApprovalNeeded(needed) ? needed.ticket : expect.fail(String(needed));
}

const use = (ticket: ApprovalTicket, path?: string) =>
  agent.vault.fetch(address(path), { headers, approval: ticket, reason: 'a test' });

/** The agent asks, the device says yes, and the agent goes on. @returns the text that the agent gets */
async function useWith(device: SessionClient, path?: string): Promise<string> {
  const ticket = await ask(path);
  await device.approvals.answer(ticket.id, 'yes');
  return await (await use(ticket, path)).text();
}

let phone: SessionClient;
let laptop: SessionClient;

beforeAll(async () => {
  host = await startHostileServer();
  const made = await stack.newOrg();
  ({ org, adminKey } = made);
  const keys = DirectoryAdmin.newKeys();
  admin = new DirectoryAdmin({ org, authority: keys.authority, apiKey: made.adminKey, baseURL: stack.vault.url });
  await admin.genesis(keys.recovery);
  setter = stack.clientOf(made.adminKey);
  agent = stack.clientOf((await setter.keys.create({ role: 'user-of-secrets', prefixes: ['prod/'] })).key);
  phone = await enroll();
  laptop = await enroll(phone);
  const broker = await admin.admitBroker(ann);
  await phone.countersign(broker.device, { fingerprint: broker.fingerprint });
  // Each device publishes its approval key with its first look.
  for (const device of [phone, laptop]) expect(await device.approvals.questions()).toEqual([]);
});
afterAll(async () => {
  await host.close();
});

test('nothing is set before the person has a key, or for a person who is not in the directory', async () => {
  await expect(
    setter.vault.set('prod/key', secret, { custody: custody(), metadata: metadata() }),
  ).rejects.toMatchObject({
    code: 'approver_unavailable',
  });
  await phone.approvals.createPersonKey();
  await expect(laptop.approvals.createPersonKey()).rejects.toMatchObject({ code: 'person_key_exists' });
  const other = approvalCustody({ org, approver: bob, pin: admin.pin });
  await expect(setter.vault.set('prod/key', secret, { custody: other })).rejects.toMatchObject({
    code: 'approver_unavailable',
  });
  const wrongPin = approvalCustody({ org, approver: ann, pin: 'A'.repeat(43) });
  await expect(setter.vault.set('prod/key', secret, { custody: wrongPin })).rejects.toMatchObject({
    code: 'pin_not_reached',
  });
});

test('set, ask, answer with shares: the host receives the value, and neither the agent nor a reader sees it', async () => {
  await setter.vault.set('prod/key', 'an older secret', { custody: custody(), metadata: metadata() });
  // Sealed for version 1 first, and again for the version that comes next.
  expect(await setter.vault.set('prod/key', secret, { custody: custody(), metadata: metadata() })).toMatchObject({
    version: 2,
    metadata: { custody: 'approval', allowed_approver: ann },
  });
  await expect(setter.vault.get('prod/key')).rejects.toMatchObject({ code: 'value_not_readable', status: 403 });
  const before = host.received.length;
  const ticket = await ask('/echo');
  expect(host.received).toHaveLength(before);
  const [question] = await laptop.approvals.questions();
  expect(question?.lines).toContainEqual({
    kind: 'rules',
    label: 'Opened by a yes',
    text: expect.stringContaining(`127.0.0.1:${host.port}`),
  });
  await laptop.approvals.answer(ticket.id, 'yes');
  const text = await (await use(ticket, '/echo')).text();
  expect(host.received.at(-1)?.headers.authorization).toBe(`Bearer ${secret}`);
  expect(text).toContain('<concealed by anima>');
  expect(text).not.toContain(secret);
  await expect(use(ticket, '/echo')).rejects.toMatchObject({ code: 'approval_used' });
});

test('after a device is removed, nothing is set to the old key; with the next one, old and new values stay usable', async () => {
  await admin.revoke(laptop.device);
  await expect(
    setter.vault.set('prod/key', secret, { custody: custody(), metadata: metadata() }),
  ).rejects.toMatchObject({
    code: 'approver_key_refused',
    detail: 'key_outdated',
  });
  await expect(phone.approvals.sharePersonKey()).rejects.toMatchObject({ code: 'person_key_outdated' });
  await phone.approvals.rotatePersonKey();
  expect(await phone.approvals.personKey()).toMatchObject({
    epoch: 2,
    isCurrent: true,
    devices: [{ device: phone.device, hasKey: true, isThis: true }],
  });
  await useWith(phone);
  expect(host.received.at(-1)?.headers.authorization).toBe(`Bearer ${secret}`);
  await setter.vault.set('prod/key', `${secret}-new`, { custody: custody(), metadata: metadata() });
  await useWith(phone);
  expect(host.received.at(-1)?.headers.authorization).toBe(`Bearer ${secret}-new`);
});

test('a device that is added answers after it was given the key, and nobody sets the values again', async () => {
  const tablet = await enroll(phone);
  await tablet.approvals.questions();
  const ticket = await ask();
  await expect(tablet.approvals.answer(ticket.id, 'yes')).rejects.toMatchObject({ code: 'person_key_missing' });
  expect(await phone.approvals.sharePersonKey()).toEqual([tablet.device]);
  await tablet.approvals.answer(ticket.id, 'yes');
  expect((await use(ticket)).status).toBe(200);
  expect(host.received.at(-1)?.headers.authorization).toBe(`Bearer ${secret}-new`);
});

test('the command sets such a value, and does not make it one of custody org without a word', async () => {
  const env = { ANIMA_KEY: adminKey, ANIMA_URL: stack.vault.url, ...home.env };
  const set = async (name: string, more: readonly string[], input = secret) =>
    await runAnima(['set', name, ...more], { env, input });
  const sealed = ['--custody', 'approval', '--approver', ann, '--pin', admin.pin] as const;
  expect((await set('prod/cli', sealed.slice(0, 2))).stderr).toMatch(/--approver/);
  expect((await set('prod/cli', sealed.slice(0, 4))).stderr).toMatch(/pin/);
  expect((await set('prod/cli', [...sealed.slice(0, 5), 'A'.repeat(43)])).stderr).toMatch(/does not vouch/);
  expect(await set('prod/cli', sealed)).toMatchObject({ code: 0, stdout: expect.stringContaining('version 1') });
  expect(await set('prod/cli', sealed, 'another one')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('version 2'),
  });
  const plain = await set('prod/cli', []);
  expect([plain.code, plain.stderr]).toEqual([2, expect.stringContaining('has custody approval')]);
  expect((await runAnima(['get', 'prod/cli'], { env })).stderr).toMatch(/nobody reads it/);
  expect((await set('prod/cli', ['--custody', 'org'])).code).toBe(0);
  expect(await setter.vault.get('prod/cli')).toBe(secret);
});

test('a value is destroyed without its approver', async () => {
  expect(await setter.vault.destroy('prod/key', { confirm: 'prod/key' })).toMatchObject({ receipt: expect.anything() });
  await expect(agent.vault.fetch(address(), { headers })).rejects.toMatchObject({ code: 'value_not_found' });
});
