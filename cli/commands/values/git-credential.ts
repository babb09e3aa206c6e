import type { Command } from 'commander';
import { vaultNameProblem } from '../../../egress/references/vault-names.ts';
import { AnimaError } from '../../../sdk/src/index.ts';
import { normalizeFolder } from '../../secrets/value-names.ts';
import { storeByPerson } from '../../secrets/value-writing.ts';
import { usageError } from '../../shell/command-error.ts';
import { readAll } from '../../shell/private-files.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
A credential helper (gitcredentials(7)): git calls it with get, store or erase, and describes the host on standard input. The
password or token of github.com is the value git/github.com, and its user name is the metadata key username. With
credential.useHttpPath, the path of the repository is part of the name. Only https is answered. \`store\` stores what git found to
work only with --store; \`erase\` changes nothing, because git also calls it after a server's failure.

Set up:
  $ anima set git/github.com --metadata username=ada
  $ git config --global credential.helper '!anima git-credential'

Examples:
  $ anima git-credential get < description.txt
  $ git config --global credential.https://git.example.com.helper '!anima git-credential --prefix work/git'`;

const operations = ['get', 'store', 'erase'] as const;

interface Options {
  readonly prefix: string;
  readonly store?: boolean;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('git-credential')
    .description('give git the credentials of a host')
    .argument('<operation>', operations.join(', '))
    .option('--prefix <folder>', 'folder of the credentials', 'git')
    .option('--store', 'store credentials that git has used successfully')
    .addHelpText('after', help)
    .action(async (operation: string, options: Options, command: Command) => {
      await answer(shellOf(command), operation, options);
    });
}

async function answer(shell: Shell, operation: string, { prefix, store }: Options): Promise<void> {
  const folder = normalizeFolder(prefix);
  const fields = parseFields((await readAll(shell.stdin)).toString('utf8'));
  if (operation === 'get') await give(shell, folder, fields);
  else if (operation === 'store' && store === true) await keep(shell, folder, fields);
  // git ignores what a helper does not know, and newer versions can have more operations (gitcredentials(7)).
}

/** Lines `key=value`; a later line wins. */
function parseFields(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  return new Map(lines.flatMap((line) => (line.includes('=') ? [splitAt(line, line.indexOf('='))] : [])));
}

const splitAt = (line: string, at: number): [string, string] => [line.slice(0, at), line.slice(at + 1)];

/** The name of the value for a host; undefined if this helper has none for it. */
function nameFor(folder: string, fields: ReadonlyMap<string, string>): string | undefined {
  if (fields.get('protocol') !== 'https') return undefined;
  const path = fields.get('path') ?? '';
  const name = folder + (fields.get('host') ?? '') + (path === '' ? '' : `/${path.replace(/^\/|\/$/g, '')}`);
  return vaultNameProblem(name) === undefined ? name : undefined;
}

async function give(shell: Shell, folder: string, fields: ReadonlyMap<string, string>): Promise<void> {
  const name = nameFor(folder, fields);
  if (name === undefined) return;
  const client = await shell.client();
  try {
    const { value, metadata } = await client.vault.getWithInfo(name);
    const username = metadata.username ?? fields.get('username');
    if (fields.has('username') && username !== fields.get('username')) return;
    if (/[\n\0]/.test(value + (username ?? '')))
      throw usageError('The value has a line end, which git does not accept. Nothing was given to git');
    shell.rawStdout.write(
      [...(username === undefined ? [] : [`username=${username}`]), `password=${value}`, ''].join('\n'),
    );
  } catch (error) {
    // git asks the next helper, or the person.
    if (!(error instanceof AnimaError) || !['value_not_found', 'value_expired'].includes(error.code)) throw error;
  }
}

async function keep(shell: Shell, folder: string, fields: ReadonlyMap<string, string>): Promise<void> {
  const name = nameFor(folder, fields);
  const password = fields.get('password') ?? '';
  const username = fields.get('username');
  if (name === undefined || password === '') return;
  const client = await shell.client();
  const [current] = [...(await client.vault.getMany([name]))];
  // git calls this after each success, also with the value that it just got.
  if (current?.ok === true && current.value === password && current.metadata.username === username) return;
  await storeByPerson(client, name, password, {
    metadata: username === undefined ? {} : { username },
    dropMetadata: false,
    ifVersion: undefined,
    expiresIn: undefined,
  });
}
