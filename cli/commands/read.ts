import type { Command } from 'commander';
import { type OutputOptions, writeOutput } from '../secrets/secret-files.ts';
import { SecretReader } from '../secrets/secret-reader.ts';
import { InvalidReferenceError, parseReference, type Reference } from '../secrets/secret-references.ts';
import { usageError } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';

const help = `
Prints the value and nothing else. On a terminal a line end follows; in a pipe or a file it does not.

Examples:
  $ anima read anima://prod/stripe/key
  $ anima read "anima://prod/stripe/key?version=3"
  $ anima read anima://prod/tls/key -o key.pem      a file that only you can read
  $ anima read anima://prod/db --cache-max-age 1h   or what was read within the hour, if the vault can’t be reached`;

interface Options extends OutputOptions {
  readonly newline: boolean;
  readonly cacheMaxAge?: string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('read')
    .description('print what a reference names')
    .argument('<reference>', 'anima://path, or anima://path?version=N')
    .option('-o, --output <file>', 'write a file of mode 0600 instead')
    .option('-f, --force', 'replace that file')
    .option('--no-newline', 'no line end on a terminal either')
    .option('--cache-max-age <duration>', 'if the vault can’t be reached, take what was read within 1h, 7d …')
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
  else await writeOutput(shell, shell.stdout.isTTY && newline ? `${value.value}\n` : value.value, options);
}

function referenceOf(text: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error;
    throw usageError(
      `The reference is not understood: ${error.message}. Nothing was read`,
      'Example: anima://prod/stripe/key',
    );
  }
}
