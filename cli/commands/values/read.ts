import type { Command } from 'commander';
import { InvalidReferenceError, parseReference, type Reference } from '../../../egress/references/secret-references.ts';
import { type OutputOptions, writeOutput } from '../../secrets/secret-files.ts';
import { SecretReader } from '../../secrets/secret-reader.ts';
import { usageError } from '../../shell/command-error.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
Prints only the value. A line end is added on a terminal, but not in a pipe or a file. On a terminal, control and invisible
characters are shown as escapes, as with \`anima get\`.

Examples:
  $ anima read anima://prod/stripe/key
  $ anima read "anima://prod/stripe/key?version=3"
  $ anima read anima://prod/tls/key -o key.pem      a file of mode 0600
  $ anima read anima://prod/db --cache-max-age 1h   use the cache of the last hour if the vault can’t be reached`;

interface Options extends OutputOptions {
  readonly newline: boolean;
  readonly cacheMaxAge?: string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('read')
    .description('print the value of a reference')
    .argument('<reference>', 'anima://path, or anima://path?version=N')
    .option('-o, --output <file>', 'write a file of mode 0600 instead')
    .option('-f, --force', 'replace an existing file')
    .option('--no-newline', 'print no line end on a terminal either')
    .option('--cache-max-age <duration>', 'if the vault can’t be reached, use values cached within 1h, 7d …')
    .addHelpText('after', help)
    .action(async (text: string, options: Options, command: Command) => await read(shellOf(command), text, options));
}

async function read(shell: Shell, text: string, options: Options): Promise<void> {
  const reference = referenceOf(text);
  const reader = await SecretReader.open(shell, options.cacheMaxAge);
  const value = await reader.readOne(reference);
  const { output, newline } = options;
  if (output !== undefined && output !== '-') {
    await writeOutput(shell, value.value, options);
    shell.print('', { name: value.name, version: value.version, file: output });
  } else if (shell.json) shell.print('', value);
  else await writeOutput(shell, shell.isTerminal && newline ? `${value.value}\n` : value.value, options);
}

function referenceOf(text: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error;
    throw usageError(
      `The reference is invalid: ${error.message}. Nothing was read`,
      'Example: anima://prod/stripe/key',
    );
  }
}
