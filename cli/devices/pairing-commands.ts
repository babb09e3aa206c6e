/** `anima device join` and `anima device approve`. */
import type { DeviceRole, DeviceVault, DisplayedQr, PendingPairing } from '../../sdk/src/device/index.ts';
import { runUntilInterrupted } from '../shell/abort-on-signal.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts, formatTable, formatTime } from '../shell/terminal-output.ts';
import { line } from '../shell/terminal-text.ts';
import { confirmCode, requirePerson } from './code-comparison.ts';
import { chooseUserVault, type DeviceContext, deviceContext, withVault } from './open-device-vault.ts';
import { parseQrWay, readQr, showQr } from './qr-code.ts';
import { syncVault } from './sync-vault.ts';

export interface JoinFlags {
  readonly qr?: string | true;
}

export async function join(shell: Shell, wanted: string | undefined, { qr }: JoinFlags): Promise<void> {
  const way = qr === undefined ? 'code' : parseQrWay(qr, 'show');
  if (way === 'code') requirePerson(shell);
  const context = await deviceContext(shell);
  const id = await chooseUserVault(context, wanted);
  const text = way === 'read' ? await readQr(shell) : '';
  await runUntilInterrupted(async (signal) => {
    const vault = await joinBy(shell, context, { way, id, text }, signal);
    try {
      await syncVault(shell, vault, signal);
      const keys = await vault.describeKeys();
      const role = (await vault.devices()).find(({ isThis }) => isThis)?.role;
      shell.print(
        `This device is a member of the vault.\n${formatFacts([
          ['vault', id],
          ['device', vault.device],
          ['role', role],
          ['keys', keys],
        ])}`,
        { ...vault.toJSON(), role, keys },
      );
    } finally {
      await vault.close();
    }
  });
}

async function joinBy(
  shell: Shell,
  { vaults }: DeviceContext,
  { way, id, text }: { readonly way: 'code' | 'show' | 'read'; readonly id: string; readonly text: string },
  signal: AbortSignal,
): Promise<DeviceVault> {
  const approve = `anima device approve --vault ${id}`;
  if (way === 'read') return await vaults.joinByQr(text, { vault: id, signal });
  if (way === 'show') {
    const show = (shown: DisplayedQr) => showQr(shell, shown, `${approve} --qr`);
    return await vaults.showJoinQr({ vault: id, show, signal });
  }
  return await vaults.join({
    vault: id,
    signal,
    onWaiting: ({ pairing }) =>
      shell.note(
        `Waiting for a device of the vault, up to ten minutes. Run this on it:\n\n    ${approve}\n\nThis pairing is ${pairing}.`,
      ),
    confirm: async (comparison) => {
      const isSame = await confirmCode(shell, comparison);
      if (isSame)
        shell.note('Confirmed here. Waiting for the other device to confirm. Ctrl-C ends this, if it does not.');
      return isSame;
    },
  });
}

export interface ApproveFlags {
  readonly vault?: string;
  readonly role?: string;
  readonly label?: string;
  readonly qr?: string | true;
  readonly list?: boolean;
  readonly refuse?: boolean;
}

export async function approve(shell: Shell, pairing: string | undefined, flags: ApproveFlags): Promise<void> {
  const { label, qr } = flags;
  const role = checkRole(flags.role);
  const way = qr === undefined ? 'code' : parseQrWay(qr, 'read');
  if (flags.list === true || flags.refuse === true) {
    return await withVault(shell, flags.vault, async (vault) => {
      if (flags.refuse === true) await refuse(shell, vault, pairing);
      else listPending(shell, await vault.pairings());
    });
  }
  if (way === 'code') requirePerson(shell);
  const text = way === 'read' ? await readQr(shell) : '';
  await withVault(shell, flags.vault, async (vault) => {
    await runUntilInterrupted(async (signal) => {
      await syncVault(shell, vault, signal);
      const before = new Set((await vault.devices()).map(({ id }) => id));
      if (way === 'read') await vault.approveByQr(text, { role, label, signal });
      else if (way === 'show') {
        const show = (shown: DisplayedQr) => showQr(shell, shown, `anima device join ${vault.scope.vault} --qr read`);
        await vault.showApproveQr({ role, label, show, signal });
      } else await approveByCode(shell, vault, pairing, { role, label, signal });
      const added = (await vault.devices()).find(({ id }) => !before.has(id));
      shell.print(line`Added the device ${added?.id ?? ''} with the role ${added?.role ?? role}.`, {
        vault: vault.scope.vault,
        device: added?.id,
        role: added?.role,
        label,
      });
    });
  });
}

async function approveByCode(
  shell: Shell,
  vault: DeviceVault,
  wanted: string | undefined,
  options: { readonly role: DeviceRole; readonly label: string | undefined; readonly signal: AbortSignal },
): Promise<void> {
  const pairing = choosePending(shell, await vault.pairings({ signal: options.signal }), wanted);
  shell.note('Waiting for the other device…');
  try {
    await vault.approve(pairing, { ...options, confirm: async (comparison) => await confirmCode(shell, comparison) });
  } catch (error) {
    // The other device then does not wait for ten minutes.
    await vault.refuse(pairing).catch(() => undefined);
    throw error;
  }
}

/** @throws CommandError notFound without a pairing; usage if there are several and none is named */
function choosePending(shell: Shell, pending: readonly PendingPairing[], wanted: string | undefined): string {
  if (wanted !== undefined) return checkPairingId(wanted);
  const [only, ...more] = pending;
  if (only === undefined) {
    throw new CommandError('No device waits for an approval; nothing was done', {
      exit: exitCodes.notFound,
      next: 'Run `anima device join` on the new device first, and this command while it waits.',
    });
  }
  if (more.length === 0) return only.pairing;
  shell.error(describePending(pending));
  throw usageError(
    'Several devices wait for an approval; nothing was done',
    'Name the pairing that the new device shows: `anima device approve ID`. `--refuse ID` ends one that you do not know.',
  );
}

const describePending = (pending: readonly PendingPairing[]): string =>
  formatTable(pending.map(({ pairing, expiresAt }) => [pairing, `until ${formatTime(expiresAt)}`]));

function listPending(shell: Shell, pending: readonly PendingPairing[]): void {
  if (pending.length === 0) shell.note('No device waits for an approval.');
  shell.print(describePending(pending), pending);
}

async function refuse(shell: Shell, vault: DeviceVault, pairing: string | undefined): Promise<void> {
  if (pairing === undefined) throw usageError('--refuse requires the id of a pairing; nothing was done');
  await vault.refuse(checkPairingId(pairing));
  shell.print(`Ended the pairing ${pairing}. No device was added.`, { pairing, refused: true });
}

/** The form is checked before the id is sent or printed, because people may paste a code instead. */
function checkPairingId(id: string): string {
  if (/^[0-9a-z]{16}$/.test(id)) return id;
  throw usageError(
    'That is not the id of a pairing, which has 16 characters of 0-9 a-z; nothing was done',
    'The code to compare is no argument: the command asks for it. `anima device approve --list` shows the ids.',
  );
}

function checkRole(role: string | undefined): DeviceRole {
  if (role === undefined || role === 'admin') return 'admin';
  if (role === 'data') return role;
  throw usageError('--role must be admin or data; nothing was done');
}
