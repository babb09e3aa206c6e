import type { Command } from 'commander';
import { parseKeyIds } from '../../profiles/access-resolution.ts';
import { maskingScopeOf } from '../../secrets/masking-rule.ts';
import { SecretReader } from '../../secrets/secret-reader.ts';
import { type Finding, listFiles, SecretScanner } from '../../secrets/secret-scanner.ts';
import { normalizeFolder } from '../../secrets/value-names.ts';
import { exitCodes, usageError } from '../../shell/command-error.ts';
import { cannotRead } from '../../shell/private-files.ts';
import type { Shell } from '../../shell/shell.ts';
import { formatTable } from '../../shell/terminal-output.ts';

const help = `
Searches files for the current values that this key can read, as they are and in base64, hexadecimal, URL- and JSON-escaped form,
and for keys of the vault (anm_…). It prints file, line, and the name of the value or the id of the key, never the secret. Exits with 1
if something was found, with 0 otherwise. The vault's answers stay on this machine; the audit records that the values were read.

Values that are short or ordinary words are not searched, by the rule of \`anima run\`; a note counts them. Folders named .git and
node_modules are skipped, unless --all is given, and symbolic links are not followed. --keys-only needs no vault.

Examples:
  $ anima scan
  $ anima scan src config --prefix prod/
  $ git diff --cached --name-only -z --diff-filter=d | xargs -0 -r anima scan     in a pre-commit hook
  $ anima scan --keys-only build --all`;

interface Options {
  readonly prefix?: string;
  readonly keysOnly?: boolean;
  readonly all?: boolean;
}

export function register(
  program: Command,
  shellOf: (command: Command) => Shell,
  setExitCode: (code: number) => void,
): void {
  program
    .command('scan')
    .description('search files for stored values and keys of the vault')
    .argument('[paths...]', 'files and folders (default: the current folder)')
    .option('--prefix <folder>', 'search only for the values below this folder')
    .option('--keys-only', 'search only for keys of the vault')
    .option('--all', 'also search .git and node_modules')
    .addHelpText('after', help)
    .action(async (paths: string[], options: Options, command: Command) => {
      setExitCode(await scan(shellOf(command), paths.length === 0 ? ['.'] : paths, options));
    });
}

async function scan(shell: Shell, paths: readonly string[], { prefix, keysOnly, all }: Options): Promise<number> {
  if (keysOnly === true && prefix !== undefined)
    throw usageError('--keys-only excludes --prefix. Nothing was searched');
  const values = keysOnly === true ? new Map<string, string>() : await readValues(shell, normalizeFolder(prefix));
  const scanner = new SecretScanner(values, (key) => parseKeyIds(key)?.id);
  const found: Finding[] = [];
  let files = 0;
  for (const path of paths) {
    try {
      for await (const file of listFiles(path, all === true)) {
        files++;
        found.push(...(await scanner.scan(file)));
      }
    } catch (error) {
      throw cannotRead(path, error);
    }
  }
  const rows = found.map(({ file, line, name, keyId }) => [
    `${file}:${line}`,
    name === undefined ? `a key of the vault, ${keyId}` : `the value ${name}`,
  ]);
  shell.print(formatTable(rows), found);
  shell.note(
    `Searched ${files === 1 ? '1 file' : `${files} files`} for ${values.size === 1 ? '1 value' : `${values.size} values`} and for keys: ${found.length === 0 ? 'found none' : `${found.length} found`}.`,
  );
  return found.length === 0 ? exitCodes.ok : exitCodes.failed;
}

/** The current values that are distinctive enough to be searched. */
async function readValues(shell: Shell, folder: string): Promise<Map<string, string>> {
  const reader = await SecretReader.open(shell, '0');
  const names = await reader.listNames(folder);
  const outcomes = await reader.readMany(names.map((name) => ({ name })));
  const values = new Map<string, string>();
  let ordinary = 0;
  let unread = 0;
  for (const [name, outcome] of outcomes) {
    if (!outcome.ok) unread++;
    else if ((await maskingScopeOf(outcome.value.value)) === 'everywhere') values.set(name, outcome.value.value);
    else ordinary++;
  }
  if (ordinary > 0) shell.note(`Not searched, because short or ordinary: ${ordinary} of ${names.length} values.`);
  if (unread > 0) shell.note(`Not searched, because they can’t be read: ${unread} of ${names.length} values.`);
  return values;
}
