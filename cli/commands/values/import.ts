import type { Command } from 'commander';
import type { FileEntry } from '../../secrets/file-entry.ts';
import {
  applyImport,
  type ImportResult,
  type ImportState,
  type ImportStep,
  namedEntries,
  planImport,
} from '../../secrets/import-plan.ts';
import {
  displayNameOf,
  envFileDialects,
  type InputFormat,
  inputFormats,
  parseDialect,
  parseEntries,
  parseEnvText,
  readEnvText,
  readText,
  resolveFormat,
} from '../../secrets/secret-files.ts';
import { normalizeFolder } from '../../secrets/value-names.ts';
import { CommandError, toFailure, usageError } from '../../shell/command-error.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatTable } from '../../shell/terminal-output.ts';

const help = `
If a line of a .env file is one that dotenv, Docker Compose, python-dotenv and sh read differently, the command fails and nothing
is stored. --dialect dotenv reads such a line as dotenv does, unless dotenv itself would skip it or guess. In JSON and YAML, keys of nested objects become paths (stripe: {key: …} is stripe/key). Numbers and booleans are
stored as they are written; null and lists are rejected. Values that already exist and are equal are not changed. A value is
replaced only if it was not changed in the meantime. It keeps its metadata, such as allowed_hosts, unless a model chose it
(generate_secret of \`anima mcp\`). The command prints what was kept and dropped.

--dry-run shows each name and whether it is new, changed, the same or expired (unknown if this key has no permission to read
it), and what happens to its metadata. It never shows values.

Examples:
  $ anima import .env --prefix prod/ --dry-run
  $ anima import .env --prefix prod/
  $ sops -d secrets.yaml | anima import - --format yaml`;

interface Options {
  readonly prefix?: string;
  readonly format?: string;
  readonly dialect?: string;
  readonly dryRun?: boolean;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('import')
    .description('store the values of a .env, JSON or YAML file')
    .argument('<file>', 'the file; - for standard input')
    .option('--prefix <folder>', 'store the values below this folder')
    .option('--format <format>', `${inputFormats.join(', ')} (default: by file name)`)
    .option('--dialect <dialect>', `how to read a .env file: ${envFileDialects.join(', ')} (default: common)`)
    .option('--dry-run', 'show the names that would be stored, without storing them')
    .addHelpText('after', help)
    .action(
      async (file: string, options: Options, command: Command) => await importFile(shellOf(command), file, options),
    );
}

async function importFile(shell: Shell, file: string, options: Options): Promise<void> {
  const format = resolveFormat(inputFormats, options.format, file === '-' ? undefined : file);
  if (format === undefined) {
    throw usageError(
      'The file name tells none of the formats that can be imported. Nothing was stored',
      `Use --format ${inputFormats.join(', ')}.`,
    );
  }
  const folder = normalizeFolder(options.prefix);
  const entries = await readEntries(shell, file, format, options.dialect);
  if (entries.length === 0) throw usageError(`${displayNameOf(file)} contains no values. Nothing was stored`);
  const named = namedEntries(entries, folder);
  const client = await shell.client();
  const steps = await planImport(client, named);
  if (options.dryRun === true) return showPlan(shell, steps);
  const stored = await applyImport(client, steps);
  printResults(shell, stored);
  const failed = stored.filter(({ error }) => error !== undefined);
  const [first] = failed;
  if (first !== undefined) {
    const { exit, next } = toFailure(first.error);
    throw new CommandError(`${failed.length} of ${stored.length} values were not stored`, {
      exit,
      ...(next === undefined ? {} : { next }),
    });
  }
  if (file !== '-') shell.note(`${file} still contains the values in plaintext.`);
}

async function readEntries(
  shell: Shell,
  file: string,
  format: InputFormat,
  option: string | undefined,
): Promise<FileEntry[]> {
  const dialect = parseDialect(option, 'Nothing was stored');
  if (format !== 'dotenv') {
    if (dialect !== undefined) throw usageError('--dialect is for .env files. Nothing was stored');
    return parseEntries(format, await readText(file, shell.stdin), file);
  }
  return parseEnvText(await readEnvText(file, shell.stdin), file, dialect, 'Nothing was stored');
}

function showPlan(shell: Shell, steps: readonly ImportStep[]): void {
  const values = steps.map(({ name, state, changes }) => ({
    name,
    state,
    ...(changes.length === 0 ? {} : { metadata: changes }),
  }));
  shell.print(formatTable(steps.map(({ name, state, changes }) => [name, state, changes.join('; ')])), {
    dryRun: true,
    values,
  });
  shell.note('Dry run: nothing was stored.');
}

/** Result texts for entries. */
const resultTexts: Readonly<Record<ImportState, string>> = {
  new: 'stored, new',
  changed: 'stored, changed',
  same: 'unchanged',
  expired: 'stored; the metadata of the expired value was not kept',
  unknown: 'stored; metadata of an earlier value was not kept',
};

function printResults(shell: Shell, stored: readonly ImportResult[]): void {
  const rows = stored.map(({ name, state, version, changes, error }) => [
    name,
    state === 'failed' ? `not stored: ${toFailure(error).message}` : resultTexts[state],
    version === undefined ? '' : `version ${version}`,
    changes.join('; '),
  ]);
  const values = stored.map(({ name, state, version, changes, error }) => ({
    name,
    state,
    version,
    code: error?.code,
    ...(changes.length === 0 ? {} : { metadata: changes }),
  }));
  shell.print(formatTable(rows), { dryRun: false, values });
}
