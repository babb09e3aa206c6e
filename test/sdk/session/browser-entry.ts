/** Runs in a page: two devices over the fake relay, of which Bob's is in IndexedDB. */
import { indexedDbStorage } from '../../../sdk/src/device/storage/indexeddb-storage.ts';
import { memoryStorage } from '../../../sdk/src/device/storage/memory-storage.ts';
import { DirectoryAdmin } from '../../../sdk/src/session/admin/directory-admin.ts';
import type { SessionClient } from '../../../sdk/src/session/session-client.ts';
import { SessionDevices } from '../../../sdk/src/session/session-devices.ts';
import { FakeRelay } from './fake-relay.ts';

const org = '0123456789abcdef';
const baseURL = location.origin;
let opened: SessionClient | undefined;

const clock = {
  onWait: async (): Promise<void> => undefined,
  now: () => Date.now(),
  wait: () => clock.onWait(),
};

const settings = {
  ...{ baseURL, clock, webSocket: false as const, acceptsParticipants: true, maxRetries: 0, historyDays: 3 },
  fetch: () => Promise.reject(new Error('no network')),
};
const bobDevices = (relay = new FakeRelay(org, clock.now)) =>
  new SessionDevices({ ...settings, storage: indexedDbStorage() }, relay.service());

async function firstText(client: SessionClient, isConfirmed: boolean): Promise<string | undefined> {
  for await (const message of client.messages()) {
    if (isConfirmed) await message.confirm();
    return await message.text();
  }
  return undefined;
}

/** Bob's device has a confirmed message, and one that the application did not get yet. @returns device, conversation */
async function begin(): Promise<readonly [string, string]> {
  const relay = new FakeRelay(org, clock.now);
  const keys = DirectoryAdmin.newKeys();
  const admin = new DirectoryAdmin({ org, authority: keys.authority, session: true, baseURL }, relay.admin());
  await admin.genesis(keys.recovery);
  const enroll = async (devices: SessionDevices, person: string) => {
    const invite = await admin.invite({ person, role: 'owner' });
    clock.onWait = async () => void (await admin.admit({ invite }).catch(() => undefined));
    return await devices.enroll({ invite: invite.invite });
  };
  const annDevices = new SessionDevices({ ...settings, storage: memoryStorage() }, relay.service());
  const ann = await enroll(annDevices, 'annannannannanna');
  const bob = await enroll(bobDevices(relay), 'bobbobbobbobbobb');
  const conversation = await ann.conversations.open({ persons: ['bobbobbobbobbobb'] });
  await ann.send(conversation, 'a plain secret');
  if ((await firstText(bob, true)) !== 'a plain secret') throw new Error('not received');
  await ann.send(conversation, 'another plain secret');
  await bob.sync();
  await bob.close();
  return [bob.device, conversation];
}

/** @returns id of the device, or the code of the error */
async function open(): Promise<string> {
  try {
    opened = await bobDevices().open({ org });
    return opened.device;
  } catch (error) {
    return String(Reflect.get(Object(error), 'code'));
  }
}

const history = async (conversation: string): Promise<readonly string[]> =>
  await Promise.all(((await opened?.history(conversation)) ?? []).map((message) => message.text()));

Object.assign(globalThis, {
  sessionPage: {
    ...{ begin, open, history },
    waiting: async () => opened && (await firstText(opened, false)),
    close: async () => await opened?.close(),
    forget: async () => await bobDevices().forget({ org, confirm: org }),
  },
});
