import type { Command } from 'commander';
import { checkRestrictedVariables } from '../../secrets/restricted-variables.ts';
import {
  checkOutput,
  formatEntries,
  type OutputFormat,
  type OutputOptions,
  outputFormats,
  resolveFormat,
  writeOutput,
} from '../../secrets/secret-files.ts';
import { SecretReader } from '../../secrets/secret-reader.ts';
import { unresolvedReferencesError } from '../../secrets/unresolved-references.ts';
import { environmentVariablesFor, normalizeFolder } from '../../secrets/value-names.ts';
import { collectText } from '../../shell/repeatable-options.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
The file has mode 0600. If a value can’t be read, or the format can’t express it exactly, nothing is written, and the error
names the value.

  dotenv   for anima, Node.js, dotenv and python-dotenv. A shell that sources it reads the same and executes nothing.
  shell    \`export NAME='value'\` lines for POSIX shells: . ./FILE, or eval "$(anima export --format shell)"
  docker   for \`docker run --env-file\`, which knows no quotes: a value can’t have line ends
  json     every value
  yaml     every value

In dotenv, shell and docker files, names become variables in the same way as with \`anima run --prefix\`, and restricted
variables such as NODE_OPTIONS or PATH are refused unless --allow-variable names them. In JSON and YAML, the keys are the names
without the prefix, including slashes.

Examples:
  $ anima export --prefix prod/ -o .env
  $ anima export --prefix prod/ -o prod.json -f     replaces prod.json
  $ anima export --prefix prod/ --format docker -o prod.list && docker run --env-file prod.list IMAGE
  $ anima export --format json | age -r KEY > backup.age`;

interface Options extends OutputOptions {
  readonly prefix?: string;
  readonly format?: string;
  readonly allowVariable?: readonly string[];
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('export')
    .description('write values to a .env, shell, Docker, JSON or YAML file')
    .option('--prefix <folder>', 'export the values below this folder (default: all values)')
    .option('--format <format>', `${outputFormats.join(', ')} (default: by file name, otherwise dotenv)`)
    .option('--allow-variable <name>', 'export this restricted variable; repeatable', collectText)
    .option('-o, --output <file>', 'write a file of mode 0600; - for standard output')
    .option('-f, --force', 'replace an existing file')
    .addHelpText('after', help)
    .action(async (options: Options, command: Command) => await exportValues(shellOf(command), options));
}

async function exportValues(shell: Shell, options: Options): Promise<void> {
  checkOutput(shell, options);
  const { output } = options;
  const format = resolveFormat(outputFormats, options.format, output) ?? 'dotenv';
  const folder = normalizeFolder(options.prefix);
  const reader = await SecretReader.open(shell, '0');
  const keys = keysFor(format, await reader.listNames(folder), folder, new Set(options.allowVariable));
  const outcomes = await reader.readMany([...keys.values()].map((name) => ({ name })));
  const failed = [...outcomes].filter(([, outcome]) => !outcome.ok);
  if (failed.length > 0) throw unresolvedReferencesError(failed, 'Nothing was written');
  const entries = [...keys].flatMap(([key, name]) => {
    const outcome = outcomes.get(name);
    return outcome?.ok === true ? [{ name: key, value: outcome.value.value }] : [];
  });
  await writeOutput(shell, formatEntries(format, entries), options);
  if (output === undefined || output === '-') return;
  const what = entries.length === 1 ? '1 value' : `${entries.length} values`;
  shell.print(`Wrote ${what} to ${output}, readable by anyone who can read that file.`, {
    file: output,
    values: entries.length,
  });
}

/**
 * Maps keys in the file to names. @throws CommandError usage if two names would have the same key, or for a restricted
 * variable
 */
function keysFor(
  format: OutputFormat,
  names: readonly string[],
  folder: string,
  allowed: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  if (format === 'json' || format === 'yaml') return new Map(names.map((name) => [name.slice(folder.length), name]));
  const variables = environmentVariablesFor(names, folder);
  const origins = [...variables].map(([variable, name]) => ({ variable, origin: `the value ${name}` }));
  checkRestrictedVariables(origins, allowed, 'Nothing was written');
  return variables;
}
