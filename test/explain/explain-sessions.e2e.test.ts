/** `explain` for conversations and devices of the directory, over HTTP, with the deployed policies. */
import { expect, test } from 'vitest';
import type { ExplainResponse } from '../../contract/explain/wire.ts';
import { memoryStorage } from '../../sdk/src/device/storage/memory-storage.ts';
import { DirectoryAdmin } from '../../sdk/src/session/admin/directory-admin.ts';
import { issueFleetCertificate, newFleetKey } from '../../sdk/src/session/admin/fleet-keys.ts';
import type { SessionClient } from '../../sdk/src/session/session-client.ts';
import { SessionDevices } from '../../sdk/src/session/session-devices.ts';
import type { DirectoryRole } from '../../sdk/src/session/session-types.ts';
import { ann, bob } from '../core/directory/directory-simulator.ts';
import { expectProblem, useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();

async function newWorld() {
  const { org, adminKey } = await stack.newOrg();
  const baseURL = stack.vault.url;
  const keys = DirectoryAdmin.newKeys();
  const admin = new DirectoryAdmin({ org, authority: keys.authority, apiKey: adminKey, baseURL });
  await admin.genesis(keys.recovery);
  let onWait = async () => {};
  const clock = { now: () => Date.now(), wait: async () => await onWait() };
  const devices = () => new SessionDevices({ storage: memoryStorage(), baseURL, clock });
  const enroll = async (person: string, role: DirectoryRole = 'owner', confirmer?: SessionClient) => {
    const invite = await admin.invite({ person, role });
    let device: string | undefined;
    onWait = async () => {
      if (device === undefined) device = await admin.admit({ invite });
      else
        await confirmer?.countersign(device, {
          fingerprint: admin.devices().find((one) => one.device === device)?.fingerprint,
        });
    };
    const client = await devices().enroll({ invite: invite.invite });
    await client.sync();
    return client;
  };
  const ask = (ref: string, key = adminKey) => stack.http('GET', `/v1/explain?ref=${encodeURIComponent(ref)}`, { key });
  const explain = async (ref: string): Promise<ExplainResponse> => {
    const answer = await ask(ref);
    expect(answer.status, await answer.clone().text()).toBe(200);
    return await answer.json();
  };
  return { org, adminKey, admin, enroll, devices, ask, explain };
}

const idsOf = (parties: ExplainResponse['canOpen']) =>
  parties.flatMap(({ kind, id }) => (kind === 'device' && id !== undefined ? [id] : []));

test('a conversation is opened by the active devices of its persons and its agents, and by no function', async () => {
  const { admin, adminKey, enroll, explain } = await newWorld();
  const phone = await enroll(ann);
  const agent = await enroll(ann, 'agent', phone);
  const other = await enroll(bob);
  await phone.sync();
  const conversation = await phone.conversations.open({ persons: [bob], agents: [agent.device] });
  const ref = `conversation:${conversation}`;
  const answer = await explain(ref);
  expect(answer).toMatchObject({ ref, custody: 'session', state: 'stored' });
  expect(await stack.clientOf(adminKey).explain(ref)).toEqual(answer);
  expect(idsOf(answer.canOpen).toSorted()).toEqual([phone.device, agent.device, other.device].toSorted());
  expect(answer.canOpen.every(({ kind }) => kind === 'device')).toBe(true);
  expect(answer.canOpen.find(({ id }) => id === agent.device)?.how).toMatch(/since entry 3\..*deleted after its use/);
  expect(answer.cannotOpen.map(({ kind }) => kind)).toEqual(['device', 'api-key', 'function', 'operator', 'operator']);
  const relay = answer.cannotOpen.find(({ kind }) => kind === 'function');
  expect(relay?.how).toMatch(/who writes to whom, when, and the padded length/);
  expect(relay?.how).toMatch(/directory, relay.*can read the ciphertext|shredder.*relay.*can read the ciphertext/);
  // Whoever is suspended, or pending, gets nothing any more.
  await admin.suspend(agent.device);
  const suspended = await explain(ref);
  expect(idsOf(suspended.canOpen).toSorted()).toEqual([phone.device, other.device].toSorted());
  expect(suspended.cannotOpen[0]).toMatchObject({ id: agent.device, how: expect.stringContaining('It is suspended') });
  await admin.suspend(phone.device);
  const ended = await explain(ref);
  expect(ended).toMatchObject({ state: 'stored', canOpen: [] });
  expect(ended.cannotOpen[0]?.how).toContain('the statement does not count');
});

test('a ghost device that an admin added to a person is not among those who can open', async () => {
  const { admin, enroll, devices, explain } = await newWorld();
  const phone = await enroll(ann);
  const conversation = await phone.conversations.open({ persons: [], agents: [] });
  const invite = await admin.invite({ person: ann, role: 'owner' });
  const stop = new AbortController();
  const enrolling = devices().enroll({ invite: invite.invite, signal: stop.signal });
  enrolling.catch(() => undefined);
  await expect.poll(async () => (await admin.waiting()).length).toBe(1);
  const ghost = await admin.admit({ invite });
  stop.abort();
  const answer = await explain(`conversation:${conversation}`);
  expect(idsOf(answer.canOpen)).toEqual([phone.device]);
  expect(answer.cannotOpen[0]).toMatchObject({
    id: ghost,
    how: expect.stringContaining('No message is sealed for it'),
  });
  expect(await explain(`session-device:${ghost}`)).toMatchObject({ custody: 'session', canOpen: [] });
  expect(idsOf((await explain(`session-device:${phone.device}`)).canOpen)).toEqual([phone.device]);
});

test('a member of a fleet is named with its fleet, and until when its certificate holds', async () => {
  const { org, admin, enroll, devices, explain } = await newWorld();
  const phone = await enroll(ann);
  const key = newFleetKey();
  const expiresAt = new Date(Date.now() + 86_400_000);
  const fleet = await admin.delegate({ key: key.publicKey, person: ann, expiresAt });
  await phone.countersign(fleet);
  await admin.sync();
  const certify = async (keys: { ik: Uint8Array; dh: Uint8Array }) => issueFleetCertificate(org, key.seed, keys);
  const member = await devices().joinFleet({ org, pin: admin.pin, certify });
  await member.sync();
  const conversation = await phone.conversations.open({ persons: [], agents: [member.device] });
  const { canOpen } = await explain(`conversation:${conversation}`);
  expect(canOpen.find(({ id }) => id === member.device)).toMatchObject({
    who: expect.stringContaining(`fleet ${fleet}`),
    until: expect.any(String),
  });
  await admin.suspend(fleet);
  const { cannotOpen } = await explain(`conversation:${conversation}`);
  expect(cannotOpen[0]).toMatchObject({ id: member.device, how: expect.stringContaining('no certificate') });
});

test('what is not there, or of another organization, is gone', async () => {
  const { enroll, explain, ask } = await newWorld();
  const phone = await enroll(ann);
  const conversation = await phone.conversations.open({ persons: [], agents: [] });
  for (const ref of [`conversation:${'0'.repeat(32)}`, `session-device:${'0'.repeat(32)}`])
    expect(await explain(ref)).toMatchObject({ custody: 'session', state: 'gone', canOpen: [] });
  const other = await newWorld();
  expect(await other.explain(`conversation:${conversation}`)).toMatchObject({ state: 'gone', canOpen: [] });
  const bare = await stack.newOrg();
  expect(await (await ask(`conversation:${conversation}`, bare.adminKey)).json()).toMatchObject({ state: 'gone' });
  await expectProblem(await ask('conversation:abc'), 'invalid_request');
  await expectProblem(await ask(`conversation:${conversation.toUpperCase()}`), 'invalid_request');
});

test('keys that are limited to prefixes, and users, are told nothing', async () => {
  const { adminKey, enroll, ask } = await newWorld();
  const phone = await enroll(ann);
  const client = stack.clientOf(adminKey);
  const { key } = await client.keys.create({ role: 'auditor', prefixes: ['prod/'] });
  await expectProblem(await ask(`session-device:${phone.device}`, key), 'forbidden');
  const user = await client.users.create();
  const own = await stack.http('GET', `/v1/account/explain?ref=session-device:${phone.device}`, { key: user.key });
  await expectProblem(own, 'record_not_found');
});

test('a locked organization stops the service, and devices keep what they have', async () => {
  const { org, adminKey, enroll, explain } = await newWorld();
  const phone = await enroll(ann);
  const ref = `conversation:${await phone.conversations.open({ persons: [], agents: [] })}`;
  const shred = async (waitDays: number) =>
    expect(
      (await stack.http('POST', '/v1/org/shred', { key: adminKey, body: { confirm: org, waitDays } })).status,
    ).toBe(200);
  await shred(3);
  const locked = await explain(ref);
  expect(locked).toMatchObject({ state: 'locked', canOpen: [{ id: phone.device }] });
  expect(locked.canOpen[0]?.how).toContain('The device keeps what it has');
  expect((await stack.http('DELETE', '/v1/org/shred', { key: adminKey })).status).toBe(200);
  await shred(0);
  expect(await explain(ref)).toMatchObject({ state: 'gone', canOpen: [] });
});
