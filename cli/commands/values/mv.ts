import type { Command } from 'commander';
import { copyValues, deleteSources, planCopies } from '../../secrets/value-copies.ts';
import { CommandError, toFailure, usageError } from '../../shell/command-error.ts';
import type { Shell } from '../../shell/shell.ts';
import { line } from '../../shell/terminal-text.ts';

const help = `
Stores the current version with its metadata and expiry under the new name, then deletes the old name with all its versions:
earlier versions are lost. Use \`anima cp\` to keep them. A value that changed in the meantime is not deleted. With a slash at
the end of both names, all values of a folder are moved. If a target has a value, nothing is stored, unless --force is given.
On a terminal the old name must be typed again as confirmation; --yes skips this.

Examples:
  $ anima mv staging/db staging/database
  $ anima mv old/ new/ --yes`;

interface Options {
  readonly force?: boolean;
  readonly yes?: boolean;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('mv')
    .description('rename a value or a folder of values')
    .argument('<name>', 'a value, or a folder with a slash at its end')
    .argument('<target>', 'the new name, or a folder with a slash at its end')
    .option('-f, --force', 'store new versions of targets that have a value')
    .option('--yes', 'skip the confirmation; required without a terminal')
    .addHelpText('after', help)
    .action(async (from: string, to: string, options: Options, command: Command) => {
      await move(shellOf(command), from, to, options);
    });
}

async function move(shell: Shell, from: string, to: string, { force, yes }: Options): Promise<void> {
  const client = await shell.client();
  const pairs = await planCopies(client, from, to);
  if (yes !== true) {
    if (!shell.stdin.isTTY)
      throw usageError('There is no terminal for the confirmation; nothing was moved', 'In scripts use --yes.');
    const count = pairs.size === 1 ? 'the earlier versions' : `the earlier versions of ${pairs.size} values`;
    await shell.confirm(`This deletes ${count}. Type the old name to continue:`, from);
  }
  const copies = await copyValues(client, pairs, { force: force === true });
  const left = await deleteSources(client, copies);
  const moved = copies.filter((copy) => !left.has(copy.from));
  shell.print(
    moved.map((copy) => line`Moved ${copy.from} to ${copy.to}, version ${copy.toVersion}.`).join('\n'),
    moved,
  );
  const [first] = left;
  if (first === undefined) return;
  const { exit } = toFailure(first[1]);
  throw new CommandError(
    `These were stored under the new name, but the old name was not deleted: ${[...left].map(([name, error]) => `${name} (${error.code})`).join(', ')}`,
    { exit, next: 'Compare both with `anima diff`, then delete the one that is not needed.' },
  );
}
