import type { Command } from 'commander';
import {
  checkOutput,
  type Format,
  formatEntries,
  type OutputOptions,
  resolveFormat,
  writeOutput,
} from '../secrets/secret-files.ts';
import { SecretReader } from '../secrets/secret-reader.ts';
import { unresolvedReferencesError } from '../secrets/unresolved-references.ts';
import { environmentVariablesFor, normalizeFolder } from '../secrets/value-names.ts';
import type { Shell } from '../shell/shell.ts';

const help = `
The file has mode 0600. If a value can’t be read, or the format can’t express it exactly, nothing is written.

In .env files, names become variables in the same way as with \`anima run --prefix\`. Values are quoted so that anima, Node and
dotenv read them back byte for byte. Values that these readers interpret differently (carriage returns) are rejected. In
JSON and YAML, the keys are the names without the prefix, including slashes.

Examples:
  $ anima export --prefix prod/ -o .env
  $ anima export --prefix prod/ -o prod.json -f     replaces prod.json
  $ anima export --format json | age -r KEY > backup.age`;

interface Options extends OutputOptions {
  readonly prefix?: string;
  readonly format?: string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('export')
    .description('write values to a .env, JSON or YAML file')
    .option('--prefix <folder>', 'export the values below this folder (default: all values)')
    .option('--format <format>', 'env, json or yaml (default: by file name, otherwise env)')
    .option('-o, --output <file>', 'write a file of mode 0600; - for standard output')
    .option('-f, --force', 'replace an existing file')
    .addHelpText('after', help)
    .action(async (options: Options, command: Command) => await exportValues(shellOf(command), options));
}

async function exportValues(shell: Shell, options: Options): Promise<void> {
  checkOutput(shell, options);
  const { output } = options;
  const format = resolveFormat(options.format, output) ?? 'env';
  const folder = normalizeFolder(options.prefix);
  const reader = await SecretReader.open(shell, '0');
  const keys = keysFor(format, await reader.listNames(folder), folder);
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

/** Maps keys in the file to names. @throws CommandError usage if two names would have the same key */
function keysFor(format: Format, names: readonly string[], folder: string): ReadonlyMap<string, string> {
  return format === 'env'
    ? environmentVariablesFor(names, folder)
    : new Map(names.map((name) => [name.slice(folder.length), name]));
}
