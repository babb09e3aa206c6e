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
import { CommandError, exitCodes, usageError } from '../../shell/command-error.ts';
import { collectText } from '../../shell/repeatable-options.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
The file has mode 0600. If a value can’t be read, or the format can’t express it exactly, nothing is written, and the error
names the value.

  dotenv   for anima, Node.js, dotenv and python-dotenv. A shell that sources it reads the same and executes nothing.
  shell    \`export NAME='value'\` lines for POSIX shells: . ./FILE, or eval "$(anima export --format shell)"
  docker   for \`docker run --env-file\`, which knows no quotes: a value can’t have line ends
  github-env  for $GITHUB_ENV of GitHub Actions, with -o "$GITHUB_ENV" --append. In a workflow, the values of 4 or more
           characters are also masked in the log, by commands on standard output
  json     every value
  yaml     every value

--prefix can be repeated: of two values with the same variable or key, the one of the later folder is written. A folder without
values is an error, unless --allow-empty is given.

In dotenv, shell, docker and github-env files, names become variables in the same way as with \`anima run --prefix\`, and restricted
variables such as NODE_OPTIONS or PATH are refused unless --allow-variable names them. In JSON and YAML, the keys are the names
without the prefix, including slashes.

Examples:
  $ anima export --prefix prod/ -o .env
  $ anima export --prefix prod/ -o prod.json -f     replaces prod.json
  $ anima export --prefix prod/ --format docker -o prod.list && docker run --env-file prod.list IMAGE
  $ anima export --prefix base/ --prefix prod/ --format github-env --append -o "$GITHUB_ENV"
  $ anima export --format json | age -r KEY > backup.age`;

interface Options extends OutputOptions {
  readonly prefix?: readonly string[];
  readonly allowEmpty?: boolean;
  readonly format?: string;
  readonly allowVariable?: readonly string[];
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('export')
    .description('write values to a .env, shell, Docker, GitHub Actions, JSON or YAML file')
    .option('--prefix <folder>', 'export the values below this folder; repeatable (default: all values)', collectText)
    .option('--allow-empty', 'write a file without values if a folder has none')
    .option('--format <format>', `${outputFormats.join(', ')} (default: by file name, otherwise dotenv)`)
    .option('--allow-variable <name>', 'export this restricted variable; repeatable', collectText)
    .option('-o, --output <file>', 'write a file of mode 0600; - for standard output')
    .option('-f, --force', 'replace an existing file')
    .option('--append', 'add to the end of an existing file, which keeps its mode')
    .addHelpText('after', help)
    .action(async (options: Options, command: Command) => await exportValues(shellOf(command), options));
}

async function exportValues(shell: Shell, options: Options): Promise<void> {
  checkOutput(shell, options);
  const { output } = options;
  checkAppend(options);
  const format = resolveFormat(outputFormats, options.format, output) ?? 'dotenv';
  const folders = (options.prefix ?? ['']).map(normalizeFolder);
  const reader = await SecretReader.open(shell, '0');
  const keys = await listKeys(reader, folders, format, options);
  const outcomes = await reader.readMany([...keys.values()].map((name) => ({ name })));
  const failed = [...outcomes].filter(([, outcome]) => !outcome.ok);
  if (failed.length > 0) throw unresolvedReferencesError(failed, 'Nothing was written');
  const entries = [...keys].flatMap(([key, name]) => {
    const outcome = outcomes.get(name);
    return outcome?.ok === true ? [{ name: key, value: outcome.value.value }] : [];
  });
  const text = formatEntries(format, entries);
  if (format === 'github-env') await maskInWorkflow(shell, entries, output);
  await writeOutput(shell, text, options);
  if (output === undefined || output === '-') return;
  const what = entries.length === 1 ? '1 value' : `${entries.length} values`;
  shell.print(`Wrote ${what} to ${output}, readable by anyone who can read that file.`, {
    file: output,
    values: entries.length,
  });
}

function checkAppend({ append, force, output }: Options): void {
  if (append === true && (force === true || output === undefined || output === '-'))
    throw usageError('--append requires -o FILE, and excludes --force. Nothing was written');
}

/** Maps keys in the file to names. Of two names with the same key, the one of the later folder counts. */
async function listKeys(
  reader: SecretReader,
  folders: readonly string[],
  format: OutputFormat,
  { allowEmpty, allowVariable }: Options,
): Promise<ReadonlyMap<string, string>> {
  const keys = new Map<string, string>();
  for (const folder of folders) {
    const names = await reader.listNames(folder);
    if (names.length === 0 && allowEmpty !== true) throw emptyFolderError(folder);
    for (const [key, name] of keysFor(format, names, folder, new Set(allowVariable))) keys.set(key, name);
  }
  return keys;
}

function emptyFolderError(folder: string): CommandError {
  return new CommandError(`There are no values below ${folder || 'the root'}. Nothing was written`, {
    exit: exitCodes.notFound,
    next: 'Check the name with `anima list`. If that is intended, add --allow-empty.',
  });
}

/**
 * Masks the values in the log of the workflow, before anything else can print them. Only the runner may read these commands,
 * so they are printed only there, and not into the file.
 */
async function maskInWorkflow(
  shell: Shell,
  entries: readonly { readonly value: string }[],
  output: string | undefined,
): Promise<void> {
  if (shell.env.GITHUB_ACTIONS !== 'true' || output === undefined || output === '-') return;
  const [{ githubMaskCommands }, { maskingScopeOf }] = await Promise.all([
    import('../../secrets/github-env-format.ts'),
    import('../../secrets/masking-rule.ts'),
  ]);
  const scopes = await Promise.all(entries.map(async ({ value }) => ({ value, scope: await maskingScopeOf(value) })));
  const masked = scopes.filter(({ scope }) => scope !== 'never').map(({ value }) => value);
  shell.rawStdout.write(githubMaskCommands(masked));
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
