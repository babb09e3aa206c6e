/** The SDK of sessions against the service over HTTP, as the template defines it. */
import { expect, test } from 'vitest';
import { memoryStorage } from '../../sdk/src/device/storage/memory-storage.ts';
import { DirectoryAdmin } from '../../sdk/src/session/admin/directory-admin.ts';
import { issueFleetCertificate, newFleetKey } from '../../sdk/src/session/admin/fleet-keys.ts';
import type { SessionClient } from '../../sdk/src/session/session-client.ts';
import { SessionDevices } from '../../sdk/src/session/session-devices.ts';
import type { DirectoryRole } from '../../sdk/src/session/session-types.ts';
import { ann, bob } from '../core/directory/directory-simulator.ts';
import { useLocalStack } from '../shared/local-stack.ts';

const stack = useLocalStack();

/** The real time; waiting runs what a test wants to happen meanwhile. */
class TestClock {
  onWait: () => Promise<void> = async () => undefined;
  now(): number {
    return Date.now();
  }
  async wait(): Promise<void> {
    await this.onWait();
  }
}

async function newWorld() {
  const { org, adminKey } = await stack.newOrg();
  const clock = new TestClock();
  const keys = DirectoryAdmin.newKeys();
  const baseURL = stack.vault.url;
  const admin = new DirectoryAdmin({ org, authority: keys.authority, apiKey: adminKey, baseURL });
  await admin.genesis(keys.recovery);
  const devices = () =>
    new SessionDevices({ storage: memoryStorage(), baseURL, clock, webSocket: false, acceptsParticipants: true });
  const enroll = async (person: string, role: DirectoryRole = 'owner', confirmer?: SessionClient) => {
    const invite = await admin.invite({ person, role });
    let admitted: string | undefined;
    clock.onWait = async () => {
      if (admitted === undefined) admitted = await admin.admit({ invite });
      else if (confirmer !== undefined)
        await confirmer.countersign(admitted, {
          fingerprint: admin.devices().find(({ device }) => device === admitted)?.fingerprint,
        });
    };
    const sessions = devices();
    const client = await sessions.enroll({ invite: invite.invite });
    await client.sync();
    return { client, sessions };
  };
  /** What the application gets until nothing new is there. */
  const received = async (client: SessionClient): Promise<string[]> => {
    const controller = new AbortController();
    clock.onWait = async () => controller.abort();
    const texts: string[] = [];
    for await (const message of client.messages({ signal: controller.signal })) texts.push(await message.text());
    return texts;
  };
  return { org, admin, enroll, devices, received };
}

test('two people and an agent write to each other through the service', async () => {
  const { org, admin, enroll, received } = await newWorld();
  const phone = await enroll(ann);
  const laptop = await enroll(ann, 'owner', phone.client);
  const agent = await enroll(ann, 'agent', phone.client);
  const bobPhone = await enroll(bob);
  await phone.client.sync();
  const conversation = await phone.client.conversations.open({ persons: [bob], agents: [agent.client.device] });
  expect((await phone.client.send(conversation, 'hello')).state).toBe('sent');
  for (const { client } of [laptop, agent, bobPhone]) expect(await received(client)).toEqual(['hello']);
  const answer = await bobPhone.client.send(conversation, 'hello yourself');
  expect(await received(phone.client)).toEqual(['hello yourself']);
  await bobPhone.client.sync();
  expect((await bobPhone.client.delivery(answer.id)).devices[phone.client.device]).toBe('delivered');
  await agent.client.close();
  agent.client = await agent.sessions.open({ org });
  await phone.client.suspend(agent.client.device);
  await expect(agent.client.sync()).rejects.toMatchObject({ code: 'not_active' });
  await bobPhone.client.sync();
  const last = await bobPhone.client.send(conversation, 'without the agent');
  expect(Object.keys(last.devices)).not.toContain(agent.client.device);
  await admin.checkpoint();
  expect((await phone.client.sync()).quarantined).toBe(0);
});

test('members of a fleet write to each other with certificates', async () => {
  const { org, admin, enroll, devices, received } = await newWorld();
  const phone = await enroll(ann);
  const key = newFleetKey();
  const fleet = await admin.delegate({ key: key.publicKey, person: ann, expiresAt: new Date(Date.now() + 86_400_000) });
  await phone.client.countersign(fleet);
  await admin.sync();
  const certify = async (keys: { ik: Uint8Array; dh: Uint8Array }) => issueFleetCertificate(org, key.seed, keys);
  const member = await devices().joinFleet({ org, pin: admin.pin, certify });
  await member.sync();
  const conversation = await phone.client.conversations.open({ persons: [], agents: [member.device] });
  expect((await phone.client.send(conversation, 'to a member')).state).toBe('sent');
  await member.sync();
  expect(await received(member)).toEqual(['to a member']);
  await member.send(conversation, 'from a member');
  expect(await received(phone.client)).toEqual(['from a member']);
});
