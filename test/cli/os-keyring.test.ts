/**
 * Profiles on a system with a keyring. The keyring is a fake, because a real one belongs to the person who runs the
 * tests.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { deviceFolder, deviceStorage } from '../../cli/devices/device-folder.ts';
import { hasKeyring } from '../../cli/profiles/os-keyring.ts';
import { openProfile, removeProfile, storeProfile } from '../../cli/profiles/profile-store.ts';
import { apiKey } from '../sdk/fake-fetch.ts';
import { temporaryHome } from './in-process-cli.ts';

const { folder } = temporaryHome();
const env = { XDG_CONFIG_HOME: folder };
const keyring = vi.hoisted(() => ({
  held: new Map<string, string>(),
  state: 'open' as 'open' | 'locked' | 'forgetful',
}));

vi.mock('@napi-rs/keyring', () => ({
  AsyncEntry: class {
    readonly #id: string;
    constructor(service: string, account: string) {
      this.#id = `${service} ${account}`;
    }
    async setPassword(password: string): Promise<void> {
      if (keyring.state === 'locked') throw new Error('locked');
      if (keyring.state === 'open') keyring.held.set(this.#id, password);
    }
    async getPassword(): Promise<string | null> {
      if (keyring.state === 'locked') throw new Error('locked');
      return keyring.held.get(this.#id) ?? null;
    }
    async setSecret(secret: Uint8Array): Promise<void> {
      await this.setPassword(Buffer.from(secret).toString('base64'));
    }
    async getSecret(): Promise<number[] | null> {
      const stored = await this.getPassword();
      return stored === null ? null : [...Buffer.from(stored, 'base64')];
    }
    async deletePassword(): Promise<boolean> {
      return keyring.held.delete(this.#id);
    }
  },
}));

afterEach(() => {
  keyring.state = 'open';
});

const profile = { url: 'https://vault.test', org: '0123456789abcdef', keyId: 'fedcba9876543210', key: apiKey };
const fileOf = (name: string): string => readFileSync(join(folder, 'anima', 'profiles', `${name}.json`), 'utf8');

test('the key goes into the keyring and not into the file, comes back, and is removed with its profile', async () => {
  expect(await storeProfile(env, 'a', profile)).toBe('keyring');
  expect(fileOf('a')).not.toContain('anm_');
  expect(await openProfile(env, 'a')).toMatchObject({ key: apiKey, keyFrom: 'keyring' });
  expect(await removeProfile(env, 'a')).toBe(true);
  expect(keyring.held.size).toBe(0);
});

test('a profile that is stored anew takes its old key out of the keyring', async () => {
  await storeProfile(env, 'b', profile);
  await storeProfile(env, 'b', { ...profile, keyId: '0000000000000000', key: 'another' });
  expect([...keyring.held.values()]).toEqual(['another']);
  await removeProfile(env, 'b');
});

test('a keyring that is locked, or does not give back what it took, is not relied on: the key goes into the file', async () => {
  for (const state of ['locked', 'forgetful'] as const) {
    keyring.state = state;
    expect(await storeProfile(env, 'c', profile)).toBe('file');
    expect(await openProfile(env, 'c')).toMatchObject({ key: apiKey, keyFrom: 'file' });
  }
  expect(await hasKeyring({ ...env, ANIMA_KEYRING: 'off' })).toBe(false);
});

test('a key whose keyring is locked later is not replaced by anything: it is told how to go on', async () => {
  await storeProfile(env, 'd', profile);
  keyring.state = 'locked';
  await expect(openProfile(env, 'd')).rejects.toMatchObject({ exit: 4, next: expect.stringContaining('Unlock') });
});

describe('the keys of a device vault', () => {
  const scope = { org: '0123456789abcdef', user: 'ghjkmnpqrstvwxyz', vault: 'v0v1v2v3v4v5v6v7' };
  beforeEach(() => keyring.held.clear());
  const folderOf = (profile: string) => join(deviceFolder(env, profile), `${scope.org}-${scope.user}-${scope.vault}`);

  test('are encrypted under a key in the keyring, one for each profile and vault, which goes with them', async () => {
    const keys = await Promise.all(['e', 'f'].map(async (name) => (await deviceStorage(env, name)).keys));
    for (const store of keys) {
      await store.create(scope);
      expect(await store.describe(scope)).toContain('encrypted under a key in the system keyring');
      expect(await store.load(scope)).toBeDefined();
    }
    expect(readdirSync(folderOf('e'))).toEqual(['device-keys']);
    expect(new Set(keyring.held.values()).size).toBe(2);
    for (const store of keys) await store.delete(scope);
    expect(keyring.held.size).toBe(0);
  });

  test('are in a private file if the keyring does not take them, and cannot be used while it is locked', async () => {
    keyring.state = 'forgetful';
    const inFile = (await deviceStorage(env, 'g')).keys;
    await inFile.create(scope);
    expect(await inFile.describe(scope)).toContain('without a key store of the operating system');
    expect(statSync(join(folderOf('g'), 'storage-key')).mode & 0o777).toBe(0o600);
    keyring.state = 'open';
    const inKeyring = (await deviceStorage(env, 'h')).keys;
    await inKeyring.create(scope);
    keyring.state = 'locked';
    await expect(inKeyring.load(scope)).rejects.toMatchObject({ code: 'keys_locked' });
    keyring.state = 'open';
    expect(await inKeyring.load(scope)).toBeDefined();
  });
});
