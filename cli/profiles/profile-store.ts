/** Profiles: an address and its key, one file each in the user's configuration folder. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, unlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import { systemErrorCode, writePrivateFile } from '../shell/private-files.ts';
import type { KeySource } from '../shell/shell.ts';
import { forgetKey, readKey, storeKey } from './os-keyring.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Content of a profile file. It contains the key only if the system has no keyring. */
export interface Profile {
  readonly url: string;
  readonly org: string;
  readonly keyId: string;
  readonly key?: string | undefined;
}

export interface OpenedProfile extends Profile {
  readonly key: string;
  readonly keyFrom: Exclude<KeySource, 'environment' | 'login'>;
}

/** Default profile names, in search order. */
export const usualProfiles = ['default', 'local'] as const;

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * `$XDG_CONFIG_HOME/anima` if that is an absolute path (XDG Base Directory Specification), otherwise the platform's
 * default.
 */
export function configFolder(env: Environment): string {
  const { XDG_CONFIG_HOME: xdg, APPDATA: windows, HOME: home } = env;
  if (xdg?.startsWith('/')) return join(xdg, 'anima');
  if (process.platform === 'win32' && windows !== undefined) return join(windows, 'anima');
  return join(home ?? homedir(), '.config', 'anima');
}

/** @throws CommandError usage for an invalid profile name */
export function profileFile(env: Environment, name: string): string {
  if (!namePattern.test(name)) {
    throw usageError(
      'A profile name is 1 to 64 of A-Z a-z 0-9 . _ - and starts with a letter or digit. Nothing was done',
    );
  }
  return join(configFolder(env), 'profiles', `${name}.json`);
}

/** Names of the stored profiles, sorted. */
export async function listProfiles(env: Environment): Promise<string[]> {
  try {
    const files = await readdir(join(configFolder(env), 'profiles'));
    return files
      .filter((file) => file.endsWith('.json'))
      .map((file) => file.slice(0, -'.json'.length))
      .sort();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Reads a profile; the key is missing if it is in the keyring. Undefined if there is no profile. @throws CommandError
 * if other users can read or write the file
 */
export async function readProfile(env: Environment, name: string): Promise<Profile | undefined> {
  const path = profileFile(env, name);
  let text: string;
  try {
    const file = await open(path, 'r');
    try {
      const { mode, uid } = await file.stat();
      const problem = permissionProblem(mode, uid);
      if (problem !== undefined) {
        throw new CommandError(`The profile ${name} was not used: ${problem}`, {
          exit: exitCodes.denied,
          next: `Run \`chmod 600 ${path}\`; if others could read it, rotate its key.`,
        });
      }
      text = await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const profile = parseProfile(text);
  if (profile !== undefined) return profile;
  throw new CommandError(`The profile ${name} is damaged`, {
    exit: exitCodes.failed,
    next: `Store it again with \`anima login --profile ${name}\`.`,
  });
}

/** Reads a profile with its key, from the file or the keyring. @throws CommandError if the key is not available */
export async function openProfile(env: Environment, name: string): Promise<OpenedProfile | undefined> {
  const profile = await readProfile(env, name);
  if (profile === undefined) return undefined;
  if (profile.key !== undefined) return { ...profile, key: profile.key, keyFrom: 'file' };
  const key = await readKey(env, accountOf(name, profile));
  if (key !== undefined) return { ...profile, key, keyFrom: 'keyring' };
  throw new CommandError(`The key of the profile ${name} is not in the system keyring, or the keyring is locked`, {
    exit: exitCodes.denied,
    next: `Unlock the keyring, or store the key again with \`anima login --profile ${name}\`.`,
  });
}

/** Stores a profile, replacing one of the same name. Returns where the key was stored. */
export async function storeProfile(
  env: Environment,
  name: string,
  profile: Profile & { readonly key: string },
): Promise<OpenedProfile['keyFrom']> {
  const path = profileFile(env, name);
  const before = await readProfile(env, name).catch(() => undefined);
  const { key, ...open } = profile;
  const inKeyring = await storeKey(env, accountOf(name, profile), key);
  await mkdir(join(configFolder(env), 'profiles'), { recursive: true, mode: 0o700 });
  await writePrivateFile(path, `${JSON.stringify(inKeyring ? open : profile, undefined, 2)}\n`, { replace: true });
  if (before !== undefined && accountOf(name, before) !== accountOf(name, profile)) {
    await forgetKey(env, accountOf(name, before));
  }
  return inKeyring ? 'keyring' : 'file';
}

/** Removes a profile and its key; false if there was none. Invalid files are also removed. */
export async function removeProfile(env: Environment, name: string): Promise<boolean> {
  const path = profileFile(env, name);
  const profile = await readProfile(env, name).catch(() => undefined);
  if (profile !== undefined && profile.key === undefined) await forgetKey(env, accountOf(name, profile));
  try {
    await overwrite(path);
    await unlink(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Why a file is not safe for a key: other users can read or write it. */
export function permissionProblem(mode: number, uid: number): string | undefined {
  if (process.platform === 'win32') return undefined;
  if (uid !== process.getuid?.()) return 'its file belongs to another user';
  if ((mode & 0o077) !== 0) return `others can read or change its file (mode ${(mode & 0o777).toString(8)})`;
  return undefined;
}

/** Keyring account of a key. Unique per key, so that an old key cannot be used in place of a new one. */
const accountOf = (name: string, { org, keyId }: Profile): string => `${name}:${org}:${keyId}`;

/** Best effort: copy-on-write file systems keep the old data. */
async function overwrite(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    await file.write(randomBytes(size), 0, size, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

function parseProfile(text: string): Profile | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const { url, org, keyId, key }: Readonly<Record<string, unknown>> = { ...json };
  if (typeof url !== 'string' || typeof org !== 'string' || typeof keyId !== 'string') return undefined;
  if (key !== undefined && typeof key !== 'string') return undefined;
  return { url, org, keyId, key };
}
