/** `anima device recovery-code` and `anima device recover`. */
import { hostname } from 'node:os';
import type { RecoveryCode } from '../../sdk/src/device/index.ts';
import { runUntilInterrupted } from '../shell/abort-on-signal.ts';
import { reserveFile } from '../shell/private-files.ts';
import {
  attemptWithCode,
  giveCode,
  requirePlaceForCode,
  requireTyping,
  type ShownCode,
} from '../shell/recovery-code-output.ts';
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
    await file.keepIf(
      async () => await giveCode(shell, ofVault(vault.scope.vault, await vault.recoveryCode()), file, path),
    );
  });
}

export interface RecoverFlags {
  readonly label?: string;
  readonly file?: string;
}

/** The check digits of a code are tested before anything is sent. */
const isMistyped = (error: unknown): boolean => isDeviceError(error, 'code_mistyped');
const typeAgain = 'That is not a recovery code: a character is wrong or missing. Nothing was sent. Type it again.';

export async function recover(shell: Shell, wanted: string | undefined, flags: RecoverFlags): Promise<void> {
  requirePlaceForCode(shell, flags.file);
  requireTyping(shell);
  const { vaults, ...context } = await deviceContext(shell);
  const id = await chooseUserVault({ vaults, ...context }, wanted);
  const file = await reserveFile(flags.file);
  shell.note(
    `Recovers the vault ${id} to this device. All its other devices are removed, and pair again afterwards. The code stops working; a new one follows.`,
  );
  await file.keepIf(
    async () =>
      await runUntilInterrupted(async (signal) => {
        const label = flags.label ?? hostname();
        const { vault, recovery } = await attemptWithCode(
          shell,
          async (code) => await vaults.recover({ vault: id, code, label, signal }),
          isMistyped,
          typeAgain,
        );
        try {
          const isKept = await giveCode(shell, ofVault(id, recovery, { device: vault.device }), file, flags.file);
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

/** What is shown of the code of a vault. */
const ofVault = (vault: string, { code, head, page }: RecoveryCode, more: object = {}): ShownCode => ({
  ...{ code, page, of: `the vault ${vault}`, again: 'anima device recovery-code' },
  opens: 'Anyone who has it and a credential of the user can open the whole vault.',
  facts: { before: { vault, ...more }, after: { head } },
});
