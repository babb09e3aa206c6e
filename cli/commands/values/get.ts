import type { Command } from 'commander';
import type { Reference } from '../../../egress/references/secret-references.ts';
import type { Value } from '../../../sdk/src/index.ts';
import { parseWhole } from '../../shell/durations.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
Prints only the value. A pipe or a file gets exactly the stored bytes: \`anima get NAME | program\`. On a terminal a line end
is added, and control and invisible characters are shown as escapes such as \\u001b, because anyone who may write the value could
otherwise control the terminal. \`anima get NAME | cat\` passes them on.

Examples:
  $ anima get prod/stripe/key
  $ anima get prod/stripe/key --version 2
  $ anima get prod/stripe/key --json      with version, times and metadata
  $ anima get prod/stripe/key --cache-max-age 1h   use the cache of the last hour if the vault can’t be reached`;

interface Options {
  readonly version?: string;
  readonly newline: boolean;
  readonly cacheMaxAge?: string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('get')
    .description('print a value')
    .argument('<name>', 'a path such as prod/stripe/key')
    .option('--version <number>', 'version to read (default: the current one)')
    .option('--no-newline', 'print no line end on a terminal either')
    .option('--cache-max-age <duration>', 'if the vault can’t be reached, use values cached within 1h, 7d …')
    .addHelpText('after', help)
    .action(async (name: string, options: Options, command: Command) => await get(shellOf(command), name, options));
}

async function get(shell: Shell, name: string, { version, newline, cacheMaxAge }: Options): Promise<void> {
  const wanted = version === undefined ? undefined : parseWhole('--version', version, 1);
  const value = await read(shell, { name, version: wanted }, cacheMaxAge);
  if (shell.json) shell.print('', value);
  else shell.printContent(shell.isTerminal && newline ? `${value.value}\n` : value.value);
}

async function read(shell: Shell, reference: Reference, cacheMaxAge: string | undefined): Promise<Value> {
  const { name, version } = reference;
  if (cacheMaxAge === undefined && !shell.env.ANIMA_CACHE_MAX_AGE) {
    return await (await shell.client()).vault.getWithInfo(name, { version });
  }
  // Loaded on demand, to keep the start-up time of other commands low.
  const { SecretReader } = await import('../../secrets/secret-reader.ts');
  return await (await SecretReader.open(shell, cacheMaxAge)).readOne(reference);
}
