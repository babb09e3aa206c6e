import { spawn } from 'node:child_process';
import type { Command } from 'commander';
import { type Anima, AnimaError, ConflictError, type Value } from '../../../sdk/src/index.ts';
import { assertValueName } from '../../secrets/value-names.ts';
import { storeByPerson } from '../../secrets/value-writing.ts';
import { CommandError, exitCodes, usageError } from '../../shell/command-error.ts';
import { createMemoryFile, type MemoryFile } from '../../shell/memory-file.ts';
import type { Shell } from '../../shell/shell.ts';
import { line } from '../../shell/terminal-text.ts';

const help = `
Opens the value in $VISUAL or $EDITOR (otherwise vi), and stores the text as the next version if it was changed, with the
metadata and expiry of the current version. A new name begins empty. If the editor fails, or the file is empty or unchanged,
nothing is stored. If another version was stored in the meantime, nothing is stored either, and your text stays in the file.

The file is in a folder that only you can read. On Linux it is in memory (/dev/shm), so it is not written to disk unless the
system swaps. Elsewhere it is on disk while the editor runs, and a note says so. It is removed afterwards, with everything that
the editor left beside it. Editors can keep copies elsewhere, such as undo files: configure yours not to. An editor that returns
at once needs its option to wait, for example EDITOR='code --wait'. The line end that an editor adds at the end of the file is
removed, unless the value had one.

Examples:
  $ anima edit prod/tls/key
  $ EDITOR='code --wait' anima edit prod/config`;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('edit')
    .description('change a value in an editor')
    .argument('<name>', 'a path such as prod/stripe/key')
    .addHelpText('after', help)
    .action(async (name: string, _options: object, command: Command) => await edit(shellOf(command), name));
}

async function edit(shell: Shell, name: string): Promise<void> {
  assertValueName(name, 'Nothing was stored');
  const client = await shell.client();
  const current = await readOrUndefined(client, name);
  const file = await createMemoryFile(name.replace(/^.*\//, ''), current?.value ?? '');
  if (!file.isInMemory)
    shell.note('This system has no file system in memory: the value is in a file on disk while the editor runs.');
  let keep = false;
  try {
    await runEditor(shell, file.path);
    const text = await readEdited(file, current);
    if (text === current?.value) return shell.print(line`${name} was not changed.`, { name, stored: false });
    if (text === '')
      throw usageError(
        'The file is empty; nothing was stored',
        'To store an empty value, use `anima set --allow-empty`.',
      );
    keep = true;
    await store(shell, client, name, text, current, file);
    keep = false;
  } finally {
    if (!keep) await file.remove();
  }
}

async function readOrUndefined(client: Anima, name: string): Promise<Value | undefined> {
  try {
    return await client.vault.getWithInfo(name);
  } catch (error) {
    if (error instanceof AnimaError && ['value_not_found', 'value_expired'].includes(error.code)) return undefined;
    throw error;
  }
}

/** Runs the editor by a shell, because the variable can contain options (POSIX.1-2024, environment variables, EDITOR). */
async function runEditor({ env, stdin, rawStdout, rawStderr }: Shell, path: string): Promise<void> {
  const editor = env.VISUAL || env.EDITOR || 'vi';
  const child = spawn('sh', ['-c', `${editor} "$1"`, 'sh', path], {
    env,
    stdio: [
      stdin.isTTY ? 'inherit' : 'ignore',
      rawStdout.isTTY ? 'inherit' : 'ignore',
      rawStderr.isTTY ? 'inherit' : 'ignore',
    ],
  });
  // The editor decides what Ctrl-C does.
  const ignore = () => undefined;
  process.on('SIGINT', ignore);
  try {
    const code = await new Promise<number>((resolve) => {
      child.once('error', () => resolve(-1));
      child.once('exit', (status) => resolve(status ?? -1));
    });
    if (code === 0) return;
    throw new CommandError(`The editor failed (exit code ${code}); nothing was stored`, {
      exit: exitCodes.failed,
      next: 'Set EDITOR to an editor that is installed.',
    });
  } finally {
    process.off('SIGINT', ignore);
  }
}

async function readEdited(file: MemoryFile, current: Value | undefined): Promise<string> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await file.read());
  } catch {
    throw usageError('The edited file is not UTF-8 text; nothing was stored');
  }
  return current?.value.endsWith('\n') ? text : text.replace(/\r?\n$/, '');
}

async function store(
  shell: Shell,
  client: Anima,
  name: string,
  text: string,
  current: Value | undefined,
  { path }: MemoryFile,
): Promise<void> {
  try {
    const { info, changes } = await storeByPerson(client, name, text, {
      metadata: {},
      dropMetadata: false,
      ifVersion: current?.version ?? 0,
      expiresIn: undefined,
      expiresAt: current?.expiresAt,
    });
    shell.print([line`Stored ${info.name}, version ${info.version}.`, ...changes].join('\n'), {
      ...info,
      stored: true,
      changes,
    });
  } catch (error) {
    const what =
      error instanceof ConflictError ? 'Another version was stored while you edited' : 'The value was not stored';
    const cause = error instanceof AnimaError && !(error instanceof ConflictError) ? ` (${error.code})` : '';
    throw new CommandError(`${what}${cause}; your text is still in ${path}`, {
      exit: error instanceof ConflictError ? exitCodes.conflict : exitCodes.unavailable,
      next: `Store it with \`anima set ${name} --file ${path}\`, then delete the file.`,
    });
  }
}
