/** A person who has lost all approving devices opens the values with the recovery code. Over HTTP, with the SDK. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatRecoveryCode, parseRecoveryCode } from '../../core/devices/recovery-code-text.ts';
import { normalizeTypedCode } from '../../core/encoding/crockford-base32.ts';
import { memoryStorage } from '../../sdk/src/device/storage/memory-storage.ts';
import type { Anima } from '../../sdk/src/index.ts';
import { DirectoryAdmin } from '../../sdk/src/session/admin/directory-admin.ts';
import { approvalCustody } from '../../sdk/src/session/approvals/approval-custody.ts';
import { personKeyRecoveryPage } from '../../sdk/src/session/approvals/person-key-recovery-page.ts';
import type { PersonKeyRecovery } from '../../sdk/src/session/approvals/person-key-types.ts';
import type { SessionClient } from '../../sdk/src/session/session-client.ts';
import { SessionDevices } from '../../sdk/src/session/session-devices.ts';
import { isApprovalNeeded } from '../../sdk/src/values/approval-ticket.ts';
import { ann, bob } from '../core/directory/directory-simulator.ts';
import { type HostileServer, startHostileServer } from '../egress/hostile-server.ts';
import { useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();
const secret = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc';
let host: HostileServer;
let admin: DirectoryAdmin;
let setter: Anima;
let org: string;
/** Everything that devices sent. */
const sent: string[] = [];
/** Codes that were made. */
const codes: string[] = [];

const clock = { onWait: async () => {}, now: () => Date.now(), wait: () => clock.onWait() };
const recordingFetch: typeof fetch = async (input, init) => {
  const request = new Request(input, init);
  sent.push(`${request.url} ${JSON.stringify([...request.headers])} ${await request.clone().text()}`);
  return await fetch(request);
};

async function enroll(person: string, can: readonly string[], confirmer?: SessionClient): Promise<SessionClient> {
  const invite = await admin.invite({ person, role: 'owner' });
  let admitted: string | undefined;
  clock.onWait = async () => {
    if (admitted === undefined) admitted = await admin.admit({ invite, can: [...can] });
    else {
      const found = admin.devices().find(({ device }) => device === admitted);
      await confirmer?.countersign(admitted, { fingerprint: found?.fingerprint });
    }
  };
  const options = { storage: memoryStorage(), baseURL: stack.vault.url, clock, webSocket: false } as const;
  return await new SessionDevices({ ...options, fetch: recordingFetch }).enroll({ invite: invite.invite });
}

const custody = () => approvalCustody({ org, approver: ann, pin: admin.pin });
const address = () => `http://127.0.0.1:${host.port}/ok`;
const metadata = () => ({ allowed_hosts: `http://127.0.0.1:${host.port}` });
const headers = { authorization: 'Bearer {{anima://prod/key}}' };

/** A new agent asks, the device says yes, and the agent goes on. @returns what the host received */
async function useWith(device: SessionClient): Promise<string | undefined> {
  const agent = stack.clientOf((await setter.keys.create({ role: 'user-of-secrets', prefixes: ['prod/'] })).key);
  const needed = await agent.vault.fetch(address(), { headers, approval: 'return' }).catch((error) => error);
  const ticket = isApprovalNeeded(needed) ? needed.ticket : expect.fail(String(needed));
  await device.approvals.answer(ticket.id, 'yes');
  await agent.vault.fetch(address(), { headers, approval: ticket });
  return host.received.at(-1)?.headers.authorization;
}

const kept = (code: PersonKeyRecovery): string => {
  expect(code.code).toMatch(/^(?:[0-9A-Z]{4}-){7}[0-9A-Z]{4}$/);
  expect(personKeyRecoveryPage(code)).toContain(code.code.slice(0, 4));
  codes.push(code.code);
  return code.code;
};

let phone: SessionClient;
let laptop: SessionClient;
let plain: SessionClient;
let fresh: SessionClient;
let code: string;

beforeAll(async () => {
  host = await startHostileServer();
  const made = await stack.newOrg();
  org = made.org;
  const keys = DirectoryAdmin.newKeys();
  admin = new DirectoryAdmin({ org, authority: keys.authority, apiKey: made.adminKey, baseURL: stack.vault.url });
  await admin.genesis(keys.recovery);
  setter = stack.clientOf(made.adminKey);
  phone = await enroll(ann, ['approve']);
  laptop = await enroll(ann, ['approve'], phone);
  plain = await enroll(ann, [], phone);
  const broker = await admin.admitBroker(ann);
  await phone.countersign(broker.device, { fingerprint: broker.fingerprint });
  for (const device of [phone, laptop]) await device.approvals.questions();
});
afterAll(async () => {
  await host.close();
});

test('a key is made with a recovery code, and another code replaces it', async () => {
  const first = kept(await phone.approvals.createPersonKey());
  expect(await laptop.approvals.personKey()).toMatchObject({ edition: 1, hasRecovery: true });
  await setter.vault.set('prod/key', secret, { custody: custody(), metadata: metadata() });
  kept(await laptop.approvals.rotatePersonKey());
  code = kept(await laptop.approvals.renewPersonKeyRecovery());
  expect(new Set(codes).size).toBe(3);
  // Giving the key to a device keeps the code.
  await phone.approvals.sharePersonKey();
  expect(await laptop.approvals.personKey()).toMatchObject({ epoch: 2, edition: 4, hasRecovery: true });
  expect(first).not.toBe(code);
});

test('with all approving devices lost, a new one answers after the code was typed, and the key is another one', async () => {
  await admin.revoke(phone.device);
  await admin.revoke(laptop.device);
  fresh = await enroll(ann, ['approve'], plain);
  await fresh.approvals.questions();
  await expect(useWith(fresh)).rejects.toMatchObject({ code: 'person_key_missing' });
  await expect(plain.approvals.recoverPersonKey({ code })).rejects.toMatchObject({ code: 'cannot_approve' });
  const wrong = [
    code.replace(/^./, (letter) => (letter === '7' ? '8' : '7')),
    code.slice(0, -1),
    '',
    await formatRecoveryCode(crypto.getRandomValues(new Uint8Array(16))),
    ...codes.filter((one) => one !== code),
  ];
  const errors = await Promise.all(
    wrong.map((one) => fresh.approvals.recoverPersonKey({ code: one }).catch((error) => error)),
  );
  expect(new Set(errors.map(({ message }) => message)).size).toBe(1);
  expect(errors[0]).toMatchObject({ code: 'recovery_code_refused', detail: undefined });
  const next = kept(await fresh.approvals.recoverPersonKey({ code: ` ${code.toLowerCase().replaceAll('-', ' ')}` }));
  expect(await fresh.approvals.personKey()).toEqual({
    ...{ epoch: 3, edition: 5, isCurrent: true, hasRecovery: true },
    devices: [{ device: fresh.device, isThis: true, hasKey: true }],
  });
  expect(await useWith(fresh)).toBe(`Bearer ${secret}`);
  await setter.vault.set('prod/key', `${secret}-new`, { custody: custody(), metadata: metadata() });
  expect(await useWith(fresh)).toBe(`Bearer ${secret}-new`);
  await expect(fresh.approvals.recoverPersonKey({ code })).rejects.toMatchObject({ code: 'recovery_code_refused' });
  code = next;
});

test('a code is of one person, and of nobody without a key', async () => {
  const other = await enroll(bob, ['approve']);
  await expect(other.approvals.recoverPersonKey({ code })).rejects.toMatchObject({ code: 'person_key_missing' });
  kept(await other.approvals.createPersonKey());
  await expect(other.approvals.recoverPersonKey({ code })).rejects.toMatchObject({ code: 'recovery_code_refused' });
  await expect(fresh.approvals.recoverPersonKey({ code, extra: 1 } as never)).rejects.toThrow(/extra/);
});

test('no code was sent or stored, in any form', async () => {
  const tables = ['ApprovalsQuestionsTable', 'ValuesTable', 'AuditTable', 'SessionCustodyDirectoriesTable'] as const;
  const stored = await Promise.all(tables.map((table) => stack.allItems(stack.table(table))));
  const everything = sent.join('\n') + stack.vault.logs();
  const bytes = Buffer.concat(
    stored.flat().flatMap((item) => Object.values(item).flatMap(({ B, S }) => [Buffer.from(B ?? S ?? '')])),
  );
  for (const one of codes) {
    const raw = Buffer.from((await parseRecoveryCode(one)) ?? expect.fail('no code'));
    for (const text of [
      one,
      normalizeTypedCode(one),
      raw.toString('hex'),
      raw.toString('base64'),
      raw.toString('base64url'),
    ])
      expect(everything.includes(text) || bytes.includes(text)).toBe(false);
    expect(bytes.includes(raw)).toBe(false);
  }
  expect(sent.length).toBeGreaterThan(20);
});

test('shredding the organization deletes what the code opens', async () => {
  const rows = async () =>
    (await stack.allItems(stack.table('ApprovalsQuestionsTable'))).filter((item) => item.org?.S === org);
  expect((await rows()).map(({ id }) => id?.S)).toContain(`h/${ann}`);
  await setter.org.shred({ confirm: org, waitDays: 0 });
  await expect.poll(rows).toEqual([]);
});
