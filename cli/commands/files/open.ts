import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import type { OpenedBlob, OpenedFile, openBlob } from '../../../sdk/src/index.ts';
import { DownloadFile, type DownloadTarget, resolveDownloadTarget } from '../../blobs/download-file.ts';
import { readLink } from '../../blobs/link-input.ts';
import { runUntilInterrupted } from '../../shell/abort-on-signal.ts';
import { CommandError, exitCodes, toFailure, usageError } from '../../shell/command-error.ts';
import { fetchFor } from '../../shell/node-fetch.ts';
import { systemErrorCode } from '../../shell/private-files.ts';
import { formatByteSize, formatTransfer, ProgressLine } from '../../shell/progress-line.ts';
import type { Shell } from '../../shell/shell.ts';
import { escapeContent, escapeForLine } from '../../shell/terminal-text.ts';
import { version } from '../../shell/version.ts';

const help = `
Requires no account. The request goes to the address in the link, which its sender chose. Each call counts as an
opening. The link is a secret that decrypts the file. An argument is visible in the shell’s history and the process
list, so pass the link on standard input or enter it at the prompt.

The file is saved under the sender's name, sanitized, with a number if the name is taken, and with mode 0600. It appears under
that name only after all of it is authenticated. With -o - on a terminal, control and
invisible characters are shown as escapes; a pipe gets the exact bytes. A link created with --burn can be opened only once. Its file is destroyed
after it is saved to disk here, unless --keep is given.

A link can contain several files. -o then names a folder, which is created if it does not exist. All files are saved, or
none. Preview images are left out.

Examples:
  $ anima open                         prompts for the link without showing it
  $ pbpaste | anima open - -o report.pdf
  $ anima open - -o - < link.txt | tar tz`;

interface Options {
  readonly output?: string;
  readonly force?: boolean;
  readonly keep?: boolean;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('open')
    .description('download and decrypt the files of a link')
    .argument('[link]', 'the link; - for standard input')
    .option('-o, --output <file>', 'a file or folder to write to; - for standard output')
    .option('-f, --force', 'replace an existing file')
    .option('--keep', 'do not destroy a file that was shared with --burn')
    .addHelpText('after', help)
    .action(async (link: string | undefined, options: Options, command: Command) => {
      await open(shellOf(command), link, options);
    });
}

async function open(shell: Shell, given: string | undefined, options: Options): Promise<void> {
  const { output, force = false } = options;
  if (output === '-' && shell.json) throw usageError('--json and -o - both use standard output. Nothing was opened');
  const target = output === '-' ? undefined : await resolveDownloadTarget(output, force);
  const link = await readLink(shell, given ?? '-');
  if (target === undefined) return await streamToStdout(shell, link, options);
  const download = await DownloadFile.create(target);
  const extra: DownloadFile[] = [];
  try {
    const { opened, names } = await downloadInto(shell, link, options, {
      write: (piece) => download.write(piece),
      sync: () => download.sync(),
      beginSet: async () => await toFolder(target),
      beginFile: async (folder) => {
        const file = await DownloadFile.create(folder);
        extra.push(file);
        return file;
      },
    });
    reportBurned(shell, opened);
    const { name, type, size, burned } = opened;
    if (names === undefined) {
      const file = await download.moveIntoPlace(name, force);
      return shell.print(escapeForLine(file), { file, name, type, size, burned });
    }
    const files: { file: string; name: string }[] = [];
    for (const [at, file] of extra.entries())
      files.push({ file: await file.moveIntoPlace(names[at] ?? '', false), name: names[at] ?? '' });
    shell.print(files.map(({ file }) => escapeForLine(file)).join('\n'), { files, name, size, burned });
  } finally {
    for (const file of [download, ...extra]) await file.discard();
  }
}

/** The folder for several files: the target if it is one, or a new folder in its place. */
async function toFolder({ folder, name }: DownloadTarget): Promise<DownloadTarget> {
  if (name === undefined) return { folder, name: undefined };
  const path = join(folder, name);
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    throw new CommandError(
      `The link contains several files, and no folder can be made at ${basename(path)} (${systemErrorCode(error) ?? 'unknown'}). Nothing was saved; an opening was counted`,
      { exit: exitCodes.conflict, next: 'Give a folder with -o. A link with --burn was not destroyed.' },
    );
  });
  return { folder: path, name: undefined };
}

/**
 * Writes to standard output. Every byte is authenticated, but bytes before a failure are already written. A pipe gets
 * the bytes; on a terminal the sender could control it, so it shows them as text with escapes.
 */
async function streamToStdout(shell: Shell, link: string, options: Options): Promise<void> {
  const { rawStdout: stdout } = shell;
  const decoder = shell.isTerminal ? new TextDecoder('utf-8', { ignoreBOM: true }) : undefined;
  const flushed = async (): Promise<void> => {
    if (stdout.writableNeedDrain) await once(stdout, 'drain');
  };
  const { opened } = await downloadInto(shell, link, options, {
    write: async (piece) => {
      const shown = decoder === undefined ? piece : escapeContent(decoder.decode(piece, { stream: true }));
      if (!stdout.write(shown)) await flushed();
    },
    sync: async () => await new Promise<void>((done) => stdout.write('', () => done())),
  });
  reportBurned(shell, opened);
}

interface Sink {
  write(piece: Uint8Array): Promise<void>;
  /** Resolves when all written data has left this process. */
  sync(): Promise<void>;
  /** Chooses the place of several files. Without it, several files are refused. */
  beginSet?(): Promise<DownloadTarget>;
  beginFile?(folder: DownloadTarget): Promise<FileSink>;
}
type FileSink = Pick<Sink, 'write' | 'sync'>;

interface Downloaded {
  readonly opened: OpenedBlob;
  /** The senders' names of several files. */
  readonly names: readonly string[] | undefined;
}

async function downloadInto(shell: Shell, link: string, { keep }: Options, sink: Sink): Promise<Downloaded> {
  const client: { openBlob: typeof openBlob } = await import('../../../sdk/src/index.ts');
  const line = new ProgressLine(shell);
  try {
    return await runUntilInterrupted(async (signal) => {
      const opened = await client.openBlob(link, {
        signal,
        userAgent: `anima-cli/${version}`,
        fetch: fetchFor(shell.env),
        burn: keep !== true,
        onProgress: ({ bytes, total }) => line.show(formatTransfer('downloading', bytes, total)),
      });
      const names = opened.files === undefined ? undefined : await writeFiles(opened, sink);
      if (names === undefined) await writeFile(opened, sink);
      line.end();
      shell.note(
        `${formatByteSize(opened.size)}${opened.type === '' ? '' : `, ${escapeForLine(opened.type)} as stated by its sender`}.`,
      );
      return { opened, names };
    });
  } catch (error) {
    if (toFailure(error).code !== 'aborted') throw error;
    throw new CommandError('Interrupted; the partial file was removed', {
      exit: exitCodes.unavailable,
      next: 'Opening the link again counts as another opening.',
    });
  } finally {
    line.end();
  }
}

async function writeFile({ stream, size }: Pick<OpenedFile, 'stream' | 'size'>, sink: FileSink): Promise<void> {
  let written = 0;
  // A burnable blob is destroyed when the next piece after its last is requested, so the data must be synced before.
  if (size === 0) await sink.sync();
  for await (const piece of stream) {
    await sink.write(piece);
    written += piece.length;
    if (written === size) await sink.sync();
  }
}

/** Writes the files of a set. @returns the sender's names */
async function writeFiles(opened: OpenedBlob, { beginSet, beginFile }: Sink): Promise<string[]> {
  if (beginSet === undefined || beginFile === undefined) {
    throw new CommandError(
      'The link contains several files, which standard output can’t take; an opening was counted',
      {
        exit: exitCodes.usage,
        next: 'Save them to a folder with -o FOLDER. A link with --burn was not destroyed.',
      },
    );
  }
  const folder = await beginSet();
  const names: string[] = [];
  for await (const file of opened.readFiles()) {
    if (file.previewOf !== undefined) continue;
    names.push(file.name);
    await writeFile(file, await beginFile(folder));
  }
  return names;
}

function reportBurned(shell: Shell, { burned }: OpenedBlob): void {
  if (burned) shell.note('The shared file is destroyed; this is the only copy that was downloaded with the link.');
}
