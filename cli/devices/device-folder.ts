/** Where this machine keeps the keys and copies of device vaults: one folder per profile, one below it per vault. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeviceStorage, VaultScope } from '../../sdk/src/device/index.ts';
import { nodeStorage, type OsKeyring } from '../../sdk/src/device/node.ts';
import { scopeName } from '../../sdk/src/device/storage/storage-ports.ts';
import { openSecretKeyring } from '../profiles/os-keyring.ts';
import { configFolder, profileFile } from '../profiles/profile-store.ts';
import { systemErrorCode } from '../shell/private-files.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Owner {
  readonly org: string;
  readonly user: string;
}

/** @param profile name of the profile; `environment` for a key from ANIMA_KEY */
export function deviceFolder(env: Environment, profile: string): string {
  // Rejects a name that is no name of a file.
  profileFile(env, profile);
  return join(configFolder(env), 'devices', profile);
}

export async function deviceStorage(env: Environment, profile: string): Promise<DeviceStorage> {
  const keyring = await openSecretKeyring(env, `device:${profile}`);
  const named: OsKeyring | undefined = keyring && { name: 'the system keyring', ...keyring };
  return nodeStorage({ folder: deviceFolder(env, profile), keyring: named });
}

/** Ids of the vaults of a user in a profile, sorted. A folder without keys and records is from an attempt that failed. */
export async function listLocalVaults(env: Environment, profile: string, owner: Owner): Promise<string[]> {
  const folder = deviceFolder(env, profile);
  const start = scopeName({ ...owner, vault: '' });
  const names = (await readNames(folder)).filter((name) => name.startsWith(start)).sort();
  const isVault = await Promise.all(names.map((name) => hasVault(join(folder, name))));
  return names.filter((_, at) => isVault[at] === true).map((name) => name.slice(start.length));
}

/** Names of the profiles in which this user has a vault on this machine. */
export async function profilesWithVault(env: Environment, scope: VaultScope): Promise<string[]> {
  const found: string[] = [];
  for (const profile of await readNames(join(configFolder(env), 'devices')))
    if ((await listLocalVaults(env, profile, scope).catch((): string[] => [])).includes(scope.vault))
      found.push(profile);
  return found;
}

/** Whether a profile has a vault of any user on this machine. */
export async function hasDeviceVaults(env: Environment, profile: string): Promise<boolean> {
  const folder = deviceFolder(env, profile);
  const isVault = await Promise.all((await readNames(folder)).map((name) => hasVault(join(folder, name))));
  return isVault.includes(true);
}

async function hasVault(folder: string): Promise<boolean> {
  const sizes = await Promise.all(
    ['device-keys', 'data'].map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.every((size) => size > 0);
}

async function readNames(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
