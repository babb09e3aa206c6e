/** `anima device recovery-code` and `anima device recover`. */
import { hostname } from 'node:os';
import type { RecoveryCode } from '../../sdk/src/device/index.ts';
import { runUntilInterrupted } from '../shell/abort-on-signal.ts';
import { CommandError, exitCodes, usageError } from '../shell/command-error.ts';
import { type ReservedFile, reserveFile } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';
import { formatFacts } from '../shell/terminal-output.ts';
import { isDeviceError } from './device-errors.ts';
import { chooseUserVault, deviceContext, withVault } from './open-device-vault.ts';
import { describeSync, syncVault } from './sync-vault.ts';

export interface RecoveryFlags {
  readonly vault?: string;
  readonly file?: string;
  readonly yes?: boolean;
}

export async function recoveryCode(shell: Shell, { vault: wanted, file: path, yes }: RecoveryFlags): Promise<void> {
  requirePlaceForCode(shell, path);
  await withVault(shell, wanted, async (vault) => {
    await syncVault(shell, vault);
    const isReplacing = (await vault.devices()).some(({ role }) => role === 'recovery');
    if (isReplacing && yes !== true && shell.stdin.isTTY)
      await shell.confirm('The code from before stops working. Type yes to continue:', 'yes');
    const file = await reserveFile(path);
    await file.keepIf(async () => await giveCode(shell, vault.scope.vault, await vault.recoveryCode(), file, path));
  });
}

export interface RecoverFlags {
  readonly label?: string;
  readonly file?: string;
}

/** Attempts to type a code without a mistake. Its check digits are tested before anything is sent. */
const maxAttempts = 3;

export async function recover(shell: Shell, wanted: string | undefined, flags: RecoverFlags): Promise<void> {
  requirePlaceForCode(shell, flags.file);
  if (!shell.stdin.isTTY) {
    throw usageError(
      'A person must type the recovery code, and there is no terminal; nothing was sent',
      'Run this command in a terminal. The code is never an argument.',
    );
  }
  const { vaults, ...context } = await deviceContext(shell);
  const id = await chooseUserVault({ vaults, ...context }, wanted);
  const file = await reserveFile(flags.file);
  shell.note(
    `Recovers the vault ${id} to this device. All its other devices are removed, and pair again afterwards. The code stops working; a new one follows.`,
  );
  await file.keepIf(
    async () =>
      await runUntilInterrupted(async (signal) => {
        const { vault, recovery } = await attempt(shell, async (code) => {
          return await vaults.recover({ vault: id, code, label: flags.label ?? hostname(), signal });
        });
        try {
          const isKept = await giveCode(shell, id, recovery, file, flags.file, { device: vault.device });
          const result = await syncVault(shell, vault, signal);
          shell.note(
            `${formatFacts([
              ['device', vault.device],
              ['keys', await vault.describeKeys()],
            ])}\n${describeSync(result)}`,
          );
          return isKept;
        } finally {
          await vault.close();
        }
      }),
  );
}

async function attempt<T>(shell: Shell, recoverWith: (code: string) => Promise<T>): Promise<T> {
  for (let left = maxAttempts; ; left--) {
    const code = await shell.secretPrompt('Recovery code: 32 characters; hyphens and case do not matter');
    try {
      return await recoverWith(code);
    } catch (error) {
      if (!isDeviceError(error, 'code_mistyped') || left === 1) throw error;
      shell.error('That is not a recovery code: a character is wrong or missing. Nothing was sent. Type it again.');
    }
  }
}

/** @throws CommandError usage, before a code is made that nobody would see */
function requirePlaceForCode(shell: Shell, path: string | undefined): void {
  if (path !== undefined || shell.isTerminal) return;
  throw usageError(
    'The recovery code is shown in a terminal or written to a file, but the output is neither; nothing was done',
    'Name a new file for the printable page: --file recovery.html.',
  );
}

/** Writes the page to the file; without a file, or if that fails, the code is printed. @returns whether the file has it */
async function giveCode(
  shell: Shell,
  vault: string,
  { code, head, page }: RecoveryCode,
  file: ReservedFile,
  path: string | undefined,
  more: object = {},
): Promise<boolean> {
  const isWritten = await file.write(page);
  if (isWritten) {
    shell.print(
      `Wrote the recovery code to ${path} (mode 0600). Print it, keep the paper in a safe place, and delete the file.\nAnyone who has the code and a credential of the user can open the whole vault.`,
      { vault, ...more, file: path, head },
    );
    return true;
  }
  if (!shell.isTerminal) {
    throw new CommandError(`The file ${path} could not be written, so nobody has seen the new recovery code`, {
      exit: exitCodes.failed,
      next: 'Make another one: `anima device recovery-code`.',
    });
  }
  if (path !== undefined) shell.error(`The file ${path} could not be written. The code is shown here instead:`);
  const groups = code.split('-');
  const lines = [groups.slice(0, 4), groups.slice(4)].map((half) => `    ${half.join('-')}`);
  shell.print(
    `Recovery code of the vault ${vault}:\n\n${lines.join('\n')}\n\nIt is shown once and is not stored. Write it down, and keep it in a safe place.\nAnyone who has it and a credential of the user can open the whole vault.`,
    { vault, ...more, code, head },
  );
  return false;
}
