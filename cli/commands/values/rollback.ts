import type { Command } from 'commander';
import { assertValueName } from '../../secrets/value-names.ts';
import { CommandError, exitCodes } from '../../shell/command-error.ts';
import { parseWhole } from '../../shell/durations.ts';
import type { Shell } from '../../shell/shell.ts';
import { line } from '../../shell/terminal-text.ts';

const help = `
Stores the value of an earlier version as a new version, by default of the version before the current one. Metadata and expiry
of the current version are kept, so that rules such as allowed_hosts do not return to an earlier state. If another version was
stored in the meantime, nothing is stored. This needs permission to list, read and write.

Examples:
  $ anima rollback prod/db/password
  $ anima rollback prod/db/password --to 3`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('rollback')
    .description('store the value of an earlier version again')
    .argument('<name>', 'a path such as prod/stripe/key')
    .option('--to <version>', 'the version whose value is stored (default: the one before the current)')
    .addHelpText('after', help)
    .action(async (name: string, { to }: { to?: string }, command: Command) => {
      await rollBack(shellOf(command), name, to === undefined ? undefined : parseWhole('--to', to, 1));
    });
}

async function rollBack(shell: Shell, name: string, to: number | undefined): Promise<void> {
  assertValueName(name, 'Nothing was stored');
  const client = await shell.client();
  const [current, previous] = await client.vault.versions(name, { onDamaged: () => {} });
  if (current === undefined) return;
  const wanted = to ?? previous?.version;
  if (wanted === undefined || wanted === current.version) {
    throw new CommandError(
      to === undefined
        ? 'There is no earlier version; nothing was stored'
        : 'That is the current version; nothing was stored',
      { exit: exitCodes.notFound, next: '`anima versions NAME` shows the stored versions.' },
    );
  }
  const { value } = await client.vault.getWithInfo(name, { version: wanted });
  const { metadata, expiresAt } = current;
  const info = await client.vault.set(name, value, { metadata, expiresAt, ifVersion: current.version });
  shell.print(line`Stored ${name}, version ${info.version}, with the value of version ${wanted}.`, {
    ...info,
    from: wanted,
  });
}
