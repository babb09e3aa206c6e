/** The device vaults of the user whose key a command uses, and the one that the command is about. */
import { setTimeout as wait } from 'node:timers/promises';
import { type DeviceVault, type DeviceVaultInfo, DeviceVaults } from '../../sdk/src/device/index.ts';
import { idsOfAccess } from '../profiles/access-resolution.ts';
import { clientOptions } from '../shell/anima-client.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';
import { isDeviceError } from './device-errors.ts';
import { deviceStorage, listLocalVaults, type Owner, profilesWithVault } from './device-folder.ts';

/** What all commands of device vaults start from. */
export interface DeviceContext {
  readonly vaults: DeviceVaults;
  readonly owner: Owner;
  readonly profile: string;
}

/** How long a command waits for another one that has the vault open, milliseconds. `sync --watch` opens it for moments. */
const lockPatienceMs = 10_000;
const lockIntervalMs = 100;

/** @throws CommandError denied for a key that is no user key */
export async function deviceContext(shell: Shell): Promise<DeviceContext> {
  const access = await shell.access();
  const { org, user } = idsOfAccess(access) ?? {};
  if (org !== undefined && user === undefined) {
    throw new CommandError(
      'This key or login is of the organization, but device vaults belong to a user; nothing was sent',
      {
        exit: exitCodes.denied,
        next: 'Use the key of a user: `anima login --profile me`, then --profile me; or set ANIMA_KEY. `anima users create` makes a user.',
      },
    );
  }
  const storage = await deviceStorage(shell.env, access.name);
  const vaults = new DeviceVaults({ ...clientOptions(access, shell.env), storage });
  return { vaults, owner: { org: org ?? '', user: user ?? '' }, profile: access.name };
}

/** Opens the vault that `--vault` names, or the only one on this machine, and closes it after the work. */
export async function withVault<T>(
  shell: Shell,
  wanted: string | undefined,
  work: (vault: DeviceVault, context: DeviceContext) => Promise<T>,
): Promise<T> {
  const context = await deviceContext(shell);
  const id = await chooseLocalVault(shell, context, wanted);
  const vault = await openVault(context, id);
  try {
    return await work(vault, context);
  } finally {
    await vault.close();
  }
}

/** Opens a vault; waits while another command has it open. @throws DeviceVaultError vault_in_use */
export async function openVault({ vaults }: DeviceContext, id: string): Promise<DeviceVault> {
  for (const end = Date.now() + lockPatienceMs; ; ) {
    try {
      return await vaults.open(id);
    } catch (error) {
      if (!isDeviceError(error, 'vault_in_use') || Date.now() > end) throw error;
      await wait(lockIntervalMs);
    }
  }
}

/** @throws CommandError notFound if this machine does not have it; usage if it has several and none is named */
export async function chooseLocalVault(
  shell: Shell,
  { owner, profile }: DeviceContext,
  wanted: string | undefined,
): Promise<string> {
  const local = await listLocalVaults(shell.env, profile, owner);
  if (wanted !== undefined) {
    const id = checkVaultId(wanted);
    if (local.includes(id)) return id;
    const elsewhere = await profilesWithVault(shell.env, { ...owner, vault: id });
    throw notHere('This device is not a member of that vault, in this profile; nothing was done', elsewhere);
  }
  const [only, ...more] = local;
  if (only === undefined) throw notHere('There is no device vault on this machine, in this profile; nothing was done');
  if (more.length === 0) return only;
  throw usageError(
    'This machine has several device vaults; nothing was done',
    `Name one with --vault: ${local.join(', ')}.`,
  );
}

const notHere = (message: string, elsewhere: readonly string[] = []): CommandError =>
  new CommandError(message, {
    exit: exitCodes.notFound,
    next:
      elsewhere.length > 0
        ? `The profile ${elsewhere.join(', ')} has it: add --profile, or unset ANIMA_KEY.`
        : '`anima device create` makes a vault, `anima device join` adds this device to one, and `anima device list` shows them.',
  });

/** The vault to join or to recover: the named one, or the only one of the user. @throws CommandError notFound, usage */
export async function chooseUserVault({ vaults }: DeviceContext, wanted: string | undefined): Promise<string> {
  if (wanted !== undefined) return checkVaultId(wanted);
  const open = (await vaults.list()).filter(({ state }: DeviceVaultInfo) => state === 'active');
  const [only, ...more] = open;
  if (only === undefined) {
    throw new CommandError('The user has no device vault; nothing was done', {
      exit: exitCodes.notFound,
      next: '`anima device create` makes one.',
    });
  }
  if (more.length === 0) return only.vault;
  const ids = open.map(({ vault }) => vault).join(', ');
  throw usageError('The user has several device vaults; nothing was done', `Name one: ${ids}.`);
}

/** The form is checked before the id is printed or used in a path, because people may paste a code instead. */
export function checkVaultId(id: string): string {
  if (/^[0-9a-z]{16}$/.test(id)) return id;
  throw usageError(
    'That is not the id of a device vault, which has 16 characters of 0-9 a-z; nothing was done',
    '`anima device list` shows the ids.',
  );
}
