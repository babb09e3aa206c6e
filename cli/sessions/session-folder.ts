/**
 * Where this machine keeps devices of session custody, and the keys of admins: one folder per profile, one below it for
 * each. What is secret is encrypted (sdk/src/device/node-storage). Beside it is a file with the address of the vault.
 */
import { mkdir, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type NodeStorageOptions, nodeStorage } from '../../sdk/src/device/node.ts';
import { scopeName } from '../../sdk/src/device/storage/storage-ports.ts';
import { openSecretKeyring } from '../profiles/os-keyring.ts';
import { configFolder, profileFile } from '../profiles/profile-store.ts';
import { systemErrorCode, writePrivateFile } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What a folder keeps for an org: a device, the keys of an admin, or the messages that `agent listen` has taken. */
export type StoredKind = 'device' | 'admin' | 'tasks';

/** The profile of a device. It needs no API key, so the profile need not be stored. */
export const deviceProfile = (shell: Shell): string =>
  shell.profileName ?? (shell.env.ANIMA_PROFILE || undefined) ?? 'default';

/** Whether the caller names a vault, which then counts instead of the stored address. */
export const isAddressChosen = ({ urlOption, env }: Shell): boolean =>
  urlOption !== undefined || Boolean(env.ANIMA_URL);

export function sessionFolder(env: Environment, profile: string): string {
  // Rejects a name that is no name of a file.
  profileFile(env, profile);
  return join(configFolder(env), 'sessions', profile);
}

export type LocalSessions = ReturnType<typeof nodeStorage>;

export async function sessionStorage(env: Environment, profile: string): Promise<LocalSessions> {
  const keyring = await openSecretKeyring(env, `session:${profile}`);
  const named: NodeStorageOptions['keyring'] = keyring && { name: 'the system keyring', ...keyring };
  return nodeStorage({ folder: sessionFolder(env, profile), keyring: named });
}

/** As the SDK names the scope of a device. */
const scopeOf = (org: string, kind: StoredKind) => ({ org, user: 'session', vault: kind });

/** For people: where the keys are, and what protects them. */
export async function describeSessionKeys(shell: Shell, profile: string, org: string, kind: StoredKind) {
  return await (await sessionStorage(shell.env, profile)).keys.describe(scopeOf(org, kind));
}

/** Orgs of which this machine has a device, or the keys of an admin, in a profile. Sorted. */
export async function listStoredOrgs(env: Environment, profile: string, kind: StoredKind): Promise<string[]> {
  const folder = sessionFolder(env, profile);
  const end = scopeName(scopeOf('', kind));
  const orgs = (await names(folder)).filter((name) => name.endsWith(end)).map((name) => name.slice(0, -end.length));
  const isStored = await Promise.all(
    orgs.map(async (org) => (await names(join(folder, scopeName(scopeOf(org, kind))))).includes('data')),
  );
  return orgs.filter((_, at) => isStored[at] === true).sort();
}

async function names(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return [];
    throw error;
  }
}

/** What the commands need besides the device itself. Not secret. */
export interface DeviceSettings {
  /** Address of the vault at which the device was enrolled. */
  readonly url: string;
  /** Days for which messages stay on this machine. The same for all commands, because each deletes older ones. */
  readonly historyDays: number;
}

const settingsFile = (env: Environment, profile: string, org: string): string =>
  join(sessionFolder(env, profile), `${org}.json`);

export async function readDeviceSettings(
  env: Environment,
  profile: string,
  org: string,
): Promise<DeviceSettings | undefined> {
  const text = await readFile(settingsFile(env, profile, org), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { url, historyDays }: { readonly url?: unknown; readonly historyDays?: unknown } = JSON.parse(text);
    return typeof url === 'string' && typeof historyDays === 'number' ? { url, historyDays } : undefined;
  } catch {
    return undefined;
  }
}

export async function storeDeviceSettings(
  env: Environment,
  profile: string,
  org: string,
  settings: DeviceSettings,
): Promise<void> {
  await mkdir(sessionFolder(env, profile), { recursive: true, mode: 0o700 });
  await writePrivateFile(settingsFile(env, profile, org), `${JSON.stringify(settings)}\n`, { replace: true });
}

export async function forgetDeviceSettings(env: Environment, profile: string, org: string): Promise<void> {
  await unlink(settingsFile(env, profile, org)).catch(() => undefined);
}
