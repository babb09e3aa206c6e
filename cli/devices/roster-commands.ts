/** `anima device create`, and the commands that show and change the devices of a vault. */
import { hostname } from 'node:os';
import type { DeviceInfo, DeviceVaultInfo } from '../../sdk/src/device/index.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts, formatTable, formatTime } from '../shell/terminal-output.ts';
import { line } from '../shell/terminal-text.ts';
import { toDeviceFailure } from './device-errors.ts';
import { listLocalVaults } from './device-folder.ts';
import { chooseLocalVault, type DeviceContext, deviceContext, openVault, withVault } from './open-device-vault.ts';
import { syncVault } from './sync-vault.ts';

export async function create(shell: Shell, { label = hostname() }: { readonly label?: string }): Promise<void> {
  const { vaults } = await deviceContext(shell);
  const vault = await vaults.create({ label });
  try {
    const keys = await vault.describeKeys();
    shell.print(
      `Created a device vault.\n${formatFacts([
        ['vault', vault.scope.vault],
        ['device', vault.device],
        ['label', label],
        ['keys', keys],
      ])}`,
      { ...vault.toJSON(), label, keys },
    );
    shell.note(
      `Only this device can open it: if the device is lost, so is the vault. Now make a recovery code, or add a second device:\n\n    anima device recovery-code --file recovery.html\n    anima device join ${vault.scope.vault}        on the other device`,
    );
  } finally {
    await vault.close();
  }
}

/** A vault of the user as `list` shows it. */
interface ListedVault {
  readonly vault: string;
  readonly info: DeviceVaultInfo | undefined;
  /** Members as this device knows them; undefined if it is none of them. */
  readonly devices: readonly DeviceInfo[] | undefined;
}

export async function list(shell: Shell): Promise<void> {
  const context = await deviceContext(shell);
  const local = await listLocalVaults(shell.env, context.profile, context.owner);
  const infos = await reportFailure(shell, 'The vaults of the user are not known', context.vaults.list());
  const ids = [...new Set([...local, ...(infos ?? []).map(({ vault }) => vault)])];
  const listed: ListedVault[] = [];
  for (const vault of ids) {
    const devices = local.includes(vault) ? await readDevices(shell, context, vault, infos !== undefined) : undefined;
    listed.push({ vault, info: infos?.find((info) => info.vault === vault), devices });
  }
  if (listed.length === 0) shell.note('The user has no device vault. `anima device create` makes one.');
  shell.print(
    listed.map((one) => describeVault(one, infos !== undefined)).join('\n\n'),
    listed.map(({ vault, info, devices }) => ({ ...info, vault, isHere: devices !== undefined, members: devices })),
  );
}

/** The members after a sync. Without a connection, as this device knows them. */
async function readDevices(shell: Shell, context: DeviceContext, id: string, isOnline: boolean) {
  return await reportFailure(
    shell,
    `The vault ${id} could not be opened`,
    (async () => {
      const vault = await openVault(context, id);
      try {
        if (isOnline) await reportFailure(shell, `The devices of ${id} may be outdated`, syncVault(shell, vault));
        return await vault.devices();
      } finally {
        await vault.close();
      }
    })(),
  );
}

/** The result, or a note that says why there is none. */
async function reportFailure<T>(shell: Shell, what: string, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const { message, next } = toDeviceFailure(error);
    shell.note(line`${what}: ${message}.${next === undefined ? '' : ` ${next}`}`);
    return undefined;
  }
}

function describeVault({ vault, info, devices }: ListedVault, isOnline: boolean): string {
  const facts = [
    info?.state ?? (isOnline ? 'not in the list of the service' : undefined),
    info === undefined ? undefined : info.devices === 1 ? '1 device' : `${info.devices} devices`,
    info === undefined ? undefined : info.hasRecovery ? 'with a recovery code' : 'without a recovery code',
    info?.deletableAt === undefined ? undefined : `can be deleted from ${info.deletableAt} on`,
    devices === undefined ? 'this device is no member' : undefined,
  ];
  const head = `vault ${vault}: ${facts.filter((fact) => fact !== undefined).join(', ')}`;
  return devices === undefined ? head : `${head}\n${formatTable([deviceHead, ...devices.map(deviceRow)])}`;
}

const deviceHead = ['  DEVICE', 'ROLE', 'LABEL', 'LAST HEARD (UTC)', ''];

const deviceRow = ({ id, role, label, lastHeard, isThis, isSilent }: DeviceInfo): string[] => [
  `  ${id}`,
  role,
  role === 'recovery' ? 'the recovery code' : (label ?? '-'),
  formatTime(lastHeard),
  [isThis ? 'this device' : '', isSilent ? 'silent for 90 days: remove it if it is not used' : '']
    .filter((mark) => mark !== '')
    .join(', '),
];

export interface RemoveFlags {
  readonly vault?: string;
  readonly yes?: boolean;
}

export async function remove(shell: Shell, wanted: string, { vault: id, yes }: RemoveFlags): Promise<void> {
  await withVault(shell, id, async (vault) => {
    await syncVault(shell, vault);
    const device = findDevice(await vault.devices(), wanted);
    if (yes !== true) {
      const name = device.label === undefined ? device.id : `${device.label} (${device.id})`;
      await confirmInTerminal(
        shell,
        `This removes ${name}. It keeps what it has, and gets nothing that is written from now on. Type yes to continue:`,
        'yes',
      );
    }
    await vault.remove(device.id);
    shell.print(line`Removed the device ${device.id}. The key of the vault was replaced.`, {
      vault: vault.scope.vault,
      device: device.id,
      removed: true,
    });
  });
}

/** @param wanted the id, or a label that one device has */
function findDevice(devices: readonly DeviceInfo[], wanted: string): DeviceInfo {
  const found = devices.filter(({ id, label }) => id === wanted || label === wanted);
  const [device, ...more] = found;
  if (device !== undefined && more.length === 0) return device;
  throw new CommandError(
    `${device === undefined ? 'The vault has no such device' : 'Several devices have that label'}; nothing was changed`,
    { exit: exitCodes.notFound, next: '`anima device list` shows the ids and labels.' },
  );
}

export interface LeaveFlags {
  readonly vault?: string;
  readonly forget?: boolean;
  readonly yes?: boolean;
}

export async function leave(shell: Shell, { vault: wanted, forget, yes }: LeaveFlags): Promise<void> {
  const ask = async (id: string) => {
    const what = forget === true ? 'This' : 'This device leaves the vault. It';
    const question = `${what} deletes the keys and the records on this device, with changes that were not sent. Type the id of the vault, ${id}, to continue:`;
    if (yes !== true) await confirmInTerminal(shell, question, id);
  };
  if (forget === true) {
    const context = await deviceContext(shell);
    // Not opened, because a damaged copy is deleted in this way too.
    const id = await chooseLocalVault(shell, context, wanted);
    await ask(id);
    await context.vaults.forget(id, { confirm: id });
    return shell.print(
      `Deleted the vault ${id} from this device. Its other devices still list this one, unless they removed it.`,
      { vault: id, forgotten: true },
    );
  }
  await withVault(shell, wanted, async (vault) => {
    const { vault: id } = vault.scope;
    await ask(id);
    await syncVault(shell, vault);
    await vault.leave({ confirm: id });
    shell.print(`This device left the vault ${id}. Its keys and records were deleted here.`, { vault: id, left: true });
  });
}

export async function rotate(shell: Shell, { vault: wanted }: { readonly vault?: string }): Promise<void> {
  await withVault(shell, wanted, async (vault) => {
    await syncVault(shell, vault);
    await vault.rotate();
    const { vault: id } = vault.scope;
    shell.print(`Replaced the key of the vault ${id} for what is written from now on.`, { vault: id, rotated: true });
  });
}

export async function head(shell: Shell, { vault: wanted }: { readonly vault?: string }): Promise<void> {
  await withVault(shell, wanted, async (vault) => {
    const { seq, code } = vault.headCode();
    shell.print(`entry  ${seq}\ncode   ${code}`, { vault: vault.scope.vault, seq, code });
    shell.note(
      'Run `anima device sync` and `anima device head` on another device. The same entry with another code means that the service shows the devices different logs.',
    );
  });
}

/** @throws CommandError usage without a terminal, because only a person or --yes confirms */
export async function confirmInTerminal(shell: Shell, question: string, expected: string): Promise<void> {
  if (shell.stdin.isTTY) return await shell.confirm(question, expected);
  throw usageError('There is no terminal for the confirmation; nothing was done', 'In scripts use --yes.');
}
