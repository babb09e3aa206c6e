/** A device in a folder of Node: its files, its storage key, and one object that writes at a time. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { nodeStorage } from '../../../sdk/src/device/node.ts';
import type { OsKeyring } from '../../../sdk/src/device/node-storage/node-key-store.ts';
import { ann, bob, org, SessionWorld } from './session-world.ts';

const root = mkdtempSync(join(tmpdir(), 'session-storage-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name));

/** A world whose second device is in a folder. */
async function inFolder(folder: string, keyring?: OsKeyring) {
  const world = await SessionWorld.create();
  const phone = await world.enroll(ann);
  const storage = nodeStorage({ folder, keyring });
  const sessions = world.sessions(storage, []);
  const invite = await world.admin.invite({ person: bob, role: 'owner' });
  world.clock.onWait = async () => void (await world.admin.admit({ invite }).catch(() => undefined));
  const client = await sessions.enroll({ invite: invite.invite });
  world.clock.onWait = async () => undefined;
  await client.sync();
  return { world, phone, sessions, client };
}

test('a device goes on after a restart, with files that only this account can read', async () => {
  const folder = join(root, 'plain');
  const { world, phone, sessions, client } = await inFolder(folder);
  const conversation = await phone.client.conversations.open({ persons: [bob] });
  await phone.client.send(conversation, 'a plain secret');
  await client.sync();
  await expect(sessions.open({ org })).rejects.toMatchObject({ code: 'in_use' });
  await client.close();
  await expect(client.sync()).rejects.toMatchObject({ code: 'closed' });
  for (const file of files(folder)) {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file).includes('plain secret')).toBe(false);
  }
  const again = await sessions.open({ org });
  expect(await world.texts({ client: again })).toEqual(['a plain secret']);
  await again.close();
  // Without the storage key, nothing opens. It could be in a key store that is not there now.
  const key = files(folder).find((file) => file.endsWith('storage-key')) ?? expect.fail();
  rmSync(key);
  await expect(sessions.open({ org })).rejects.toMatchObject({ code: 'keys_locked' });
  await sessions.forget({ org, confirm: org });
  expect(existsSync(folder) ? files(folder) : []).toEqual([]);
});

test('the storage key is in the key store of the operating system, if there is one', async () => {
  const secrets = new Map<string, Uint8Array>();
  const keyring: OsKeyring = {
    name: 'a test',
    get: async (account) => secrets.get(account)?.slice(),
    set: async (account, secret) => void secrets.set(account, secret.slice()),
    delete: async (account) => void secrets.delete(account),
  };
  const folder = join(root, 'keyring');
  const { sessions, client } = await inFolder(folder, keyring);
  await client.close();
  expect(secrets.size).toBe(1);
  expect(files(folder).some((file) => file.endsWith('storage-key'))).toBe(false);
  const again = await sessions.open({ org });
  expect(again.device).toBe(client.device);
  await again.close();
  await sessions.forget({ org, confirm: org });
  expect(secrets.size).toBe(0);
});

test('a changed file is noticed, and nothing of it is used', async () => {
  const folder = join(root, 'damaged');
  const { sessions, client } = await inFolder(folder);
  await client.close();
  const data = files(folder).find((file) => file.endsWith('data')) ?? expect.fail();
  const bytes = readFileSync(data);
  bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 1;
  writeFileSync(data, bytes);
  await expect(sessions.open({ org })).rejects.toMatchObject({ code: 'storage_damaged' });
});
