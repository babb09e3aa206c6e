import type { Command } from 'commander';
import { assertValueName } from '../../secrets/value-names.ts';
import { CommandError, exitCodes } from '../../shell/command-error.ts';
import { parseWhole } from '../../shell/durations.ts';
import type { Shell } from '../../shell/shell.ts';
import { line } from '../../shell/terminal-text.ts';

const help = `
On a terminal the name must be typed again as confirmation; --yes skips this. Without a terminal there is no confirmation.
Ciphertext copies remain in the deployment's recovery data; the receipt of \`anima destroy\` lists them.

Examples:
  $ anima delete staging/old
  $ anima delete staging/old --cas 3 --yes
  $ anima delete prod/stripe/key --version 2 --yes`;

interface Options {
  readonly cas?: string;
  readonly version?: string;
  readonly yes?: boolean;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('delete')
    .description('delete a value with all its versions, or one earlier version')
    .argument('<name>', 'a path such as prod/stripe/key')
    .option('--cas <version>', 'delete only if the current version is this one')
    .option('--version <version>', 'delete only this earlier version')
    .option('--yes', 'skip the confirmation')
    .addHelpText('after', help)
    .action(async (name: string, options: Options, command: Command) => await remove(shellOf(command), name, options));
}

async function remove(shell: Shell, name: string, { cas, version: given, yes }: Options): Promise<void> {
  const ifVersion = cas === undefined ? undefined : parseWhole('--cas', cas, 1);
  const version = given === undefined ? undefined : parseWhole('--version', given, 1);
  assertValueName(name, 'Nothing was deleted');
  const client = await shell.client();
  if (yes !== true && shell.stdin.isTTY) {
    const what = version === undefined ? 'all versions' : `version ${version} for good`;
    await shell.confirm(`This deletes ${what}. Type the name to continue:`, name);
  }
  if (!(await client.vault.delete(name, { ifVersion, version }))) {
    throw version === undefined
      ? new CommandError('There is no value of that name; nothing was deleted', {
          exit: exitCodes.notFound,
          next: '`anima list` shows the existing names.',
        })
      : new CommandError('The value has no such earlier version; nothing was deleted', {
          exit: exitCodes.notFound,
          next: '`anima versions` shows the versions that are kept.',
        });
  }
  if (version === undefined) shell.print(line`Deleted ${name}.`, { name, deleted: true });
  else shell.print(line`Deleted version ${version} of ${name}.`, { name, version, deleted: true });
}
