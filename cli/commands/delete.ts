import type { Command } from 'commander';
import { CommandError, exitCodes } from '../shell/command-error.ts';
import { parseWhole } from '../shell/durations.ts';
import type { Shell } from '../shell/shell.ts';

const help = `
On a terminal the name is to be typed again; --yes skips that, and in a pipe nothing is asked. Copies in recovery data
of the deployment stay as ciphertext: \`anima destroy\` gives a receipt that says which.

Examples:
  $ anima delete staging/old
  $ anima delete staging/old --cas 3 --yes`;

interface Options {
  readonly cas?: string;
  readonly yes?: boolean;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('delete')
    .description('delete a value with all its versions')
    .argument('<name>', 'a path such as prod/stripe/key')
    .option('--cas <version>', 'only if the value is at this version')
    .option('--yes', 'do not ask')
    .addHelpText('after', help)
    .action(async (name: string, options: Options, command: Command) => await remove(shellOf(command), name, options));
}

async function remove(shell: Shell, name: string, { cas, yes }: Options): Promise<void> {
  const ifVersion = cas === undefined ? undefined : parseWhole('--cas', cas, 1);
  const client = await shell.client();
  if (yes !== true && shell.stdin.isTTY) {
    await shell.confirm('This deletes all versions. Type the name to go on:', name);
  }
  if (!(await client.vault.delete(name, { ifVersion }))) {
    throw new CommandError('There is no value of that name; nothing was deleted', {
      exit: exitCodes.notFound,
      next: '`anima list` shows the names that are there.',
    });
  }
  shell.print(`Deleted ${name}.`, { name, deleted: true });
}
