import type { Command } from 'commander';
import { copyValues, planCopies } from '../../secrets/value-copies.ts';
import type { Shell } from '../../shell/shell.ts';
import { line } from '../../shell/terminal-text.ts';

const help = `
Copies the current version with its metadata and expiry. Earlier versions are not copied. With a slash at the end of both names,
all values of a folder are copied. If a target has a value, nothing is stored, unless --force is given. This needs permission to
read, list and write.

Examples:
  $ anima cp prod/stripe/key staging/stripe/key
  $ anima cp prod/stripe/key backup/
  $ anima cp prod/ staging/ --force`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('cp')
    .description('copy a value or a folder of values')
    .argument('<name>', 'a value, or a folder with a slash at its end')
    .argument('<target>', 'the new name, or a folder with a slash at its end')
    .option('-f, --force', 'store new versions of targets that have a value')
    .addHelpText('after', help)
    .action(async (from: string, to: string, { force }: { force?: boolean }, command: Command) => {
      const shell = shellOf(command);
      const client = await shell.client();
      const copies = await copyValues(client, await planCopies(client, from, to), { force: force === true });
      const text = copies.map(
        (copy) => line`Copied ${copy.from}, version ${copy.fromVersion}, to ${copy.to}, version ${copy.toVersion}.`,
      );
      shell.print(text.join('\n'), copies);
    });
}
