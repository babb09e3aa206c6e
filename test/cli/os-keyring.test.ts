/**
 * Profiles on a system with a keyring. The keyring is a fake, because a real one belongs to the person who runs the
 * tests.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
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
