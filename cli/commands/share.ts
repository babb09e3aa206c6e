import { openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import type { BlobContent, PutBlobOptions, PutBlobResult } from '../../sdk/src/index.ts';
import { type InterruptedUpload, InterruptedUploads } from '../blobs/interrupted-uploads.ts';
import { mediaTypeOf } from '../blobs/media-types.ts';
import { parseKeyIds } from '../profiles/access-resolution.ts';
import { runUntilInterrupted } from '../shell/abort-on-signal.ts';
import { CommandError, exitCodes, toFailure, usageError } from '../shell/command-error.ts';
import { parseDuration, parseWhole } from '../shell/durations.ts';
import { cannotRead } from '../shell/private-files.ts';
import { formatByteSize, formatTransfer, ProgressLine } from '../shell/progress-line.ts';
import type { Shell } from '../shell/shell.ts';
import { escapeSteeringCharacters } from '../shell/terminal-output.ts';

const help = `
The file is encrypted before it leaves, under a key that is in the link and nowhere else: neither the vault nor its store can
read it, its name or its type. So the link is a secret. Whoever has it can open the file in a browser or with \`anima open\`,
without an account; nobody can show it again. It alone is printed on standard output.

An upload that broke off, by Ctrl-C or a lost connection, goes on with --resume: within two days, for files of up to
16 MiB within 30 minutes. What it takes is kept in a file of mode 0600 below $XDG_STATE_HOME/anima, and removed when the upload is
complete. What comes from standard input can’t be resumed.

Examples:
  $ anima share report.pdf --expires-in 7d
  $ anima share photo.png --burn              opened once, then destroyed
  $ tar cz logs | anima share - --name logs.tar.gz --max-opens 3
  $ anima share --resume`;

interface Options {
  readonly name?: string;
  readonly type?: string;
  readonly expiresIn?: string;
  readonly maxOpens?: string;
  readonly burn?: boolean;
  readonly resume?: boolean;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('share')
    .description('encrypt a file, and get a link that opens it')
    .argument('[file]', 'the file; - for standard input')
    .option('--expires-in <duration>', 'can’t be opened after that: 12h, 7d … (default: it stays until deleted)')
    .option('--max-opens <number>', 'can’t be opened more often')
    .option('--burn', 'can be opened once, and is destroyed when it was read')
    .option('--name <text>', 'its name for who opens it (default: that of the file)')
    .option('--type <type>', 'its media type (default: by the name)')
    .option('--resume', 'go on with an upload that broke off')
    .addHelpText('after', help)
    .action(async (file: string | undefined, options: Options, command: Command) => {
      await share(shellOf(command), file, options);
    });
}

async function share(shell: Shell, file: string | undefined, options: Options): Promise<void> {
  const said = toPutOptions(options);
  if (options.resume === true) {
    if (Object.values(said).some((setting) => setting !== undefined))
      throw usageError('An upload goes on as it began: --resume takes no other option. Nothing was sent');
    if (file === '-') throw usageError('What comes from standard input can’t be resumed. Nothing was sent');
    const upload = await chooseUpload(await (await openInterruptedUploads(shell)).list(), file);
    shell.note(`Going on with ${escapeSteeringCharacters(upload.file)}.`);
    return reportShared(shell, await uploadResumably(shell, upload.file, { resume: upload.state }, upload));
  }
  if (file === undefined && shell.stdin.isTTY)
    throw usageError('Which file? Nothing was sent', 'Give its name, or - for a pipe.');
  const name = options.name ?? (file === undefined || file === '-' ? undefined : basename(file));
  const type = options.type ?? (name === undefined ? undefined : mediaTypeOf(name));
  reportShared(shell, await uploadResumably(shell, file ?? '-', { ...said, name, type }));
}

function toPutOptions({ name, type, expiresIn, maxOpens, burn }: Options): PutBlobOptions {
  return {
    name,
    type,
    expiresIn: expiresIn === undefined ? undefined : parseDuration('--expires-in', expiresIn),
    maxOpens: maxOpens === undefined ? undefined : parseWhole('--max-opens', maxOpens, 1),
    burn,
  };
}

const openInterruptedUploads = async (shell: Shell): Promise<InterruptedUploads> => {
  const { url, apiKey } = await shell.access();
  return new InterruptedUploads(shell.env, url, parseKeyIds(apiKey)?.org ?? '');
};

/** The upload that is meant. @throws CommandError when that is none, or not clear */
async function chooseUpload(
  uploads: readonly InterruptedUpload[],
  file: string | undefined,
): Promise<InterruptedUpload> {
  const path = file === undefined ? undefined : resolve(file);
  const [upload, ...more] = path === undefined ? uploads : uploads.filter((one) => one.file === path);
  if (upload === undefined) {
    const which = file === undefined ? 'No upload has broken off' : 'No upload of that file has broken off';
    throw new CommandError(`${which} lately; nothing was sent`, {
      exit: exitCodes.notFound,
      next: 'Begin one with `anima share FILE`.',
    });
  }
  // Of the same file the newest; of several files nobody can tell.
  if (path === undefined && more.some((one) => one.file !== upload.file)) {
    const files = [...new Set(uploads.map((one) => escapeSteeringCharacters(one.file)))];
    throw usageError(`Several uploads have broken off; nothing was sent`, `Say which: ${files.join(', ')}.`);
  }
  return upload;
}

/** Uploads, and keeps what it takes to go on until that is done or of no use. */
async function uploadResumably(
  shell: Shell,
  file: string,
  options: PutBlobOptions,
  before?: InterruptedUpload,
): Promise<PutBlobResult & { readonly burn: boolean }> {
  const content = file === '-' ? shell.stdin : await openContent(file);
  const client = await shell.client();
  const uploads = await openInterruptedUploads(shell);
  const line = new ProgressLine(shell);
  const { begunAt } = before ?? { begunAt: new Date().toISOString() };
  let kept = before?.state.id;
  try {
    const done = await runUntilInterrupted(
      async (signal) =>
        await client.blobs.put(content, {
          ...options,
          signal,
          onProgress: ({ bytes, total }) => line.show(formatTransfer('uploading', bytes, total)),
          onState: async (state) => {
            if (file === '-') return;
            await uploads.save({ file: resolve(file), begunAt, state });
            kept = state.id;
          },
        }),
    );
    if (kept !== undefined) await uploads.remove(kept);
    return { ...done, burn: options.burn === true };
  } catch (error) {
    const { code, exit } = toFailure(error);
    // Of what changed the state is of use again when the file is as it was.
    const goesOn = exit === exitCodes.unavailable || (before !== undefined && code === 'content_changed');
    if (kept !== undefined && !goesOn) await uploads.remove(kept);
    throw explainUploadError(error, code, kept !== undefined && goesOn);
  } finally {
    line.end();
  }
}

function explainUploadError(error: unknown, code: string, resumable: boolean): unknown {
  if (error instanceof DOMException && error.name === 'NotReadableError') {
    return new CommandError('The file changed while it was read; no link was made', {
      exit: exitCodes.conflict,
      next: 'Share it anew when nothing writes to it.',
    });
  }
  const next = resumable ? 'Go on with `anima share --resume`.' : 'Begin anew.';
  if (code === 'aborted')
    return new CommandError('The upload was interrupted; no link was made', { exit: exitCodes.unavailable, next });
  if (!resumable || code === 'content_changed') return error;
  const { message } = toFailure(error);
  return new CommandError(message, { exit: exitCodes.unavailable, next });
}

/** A file that is read as it is sent, in constant memory. @throws CommandError when it is none */
async function openContent(file: string): Promise<BlobContent> {
  const found = await stat(file).catch((error: unknown) => {
    throw cannotRead(file, error);
  });
  if (!found.isFile()) {
    throw usageError(
      `${escapeSteeringCharacters(file)} is no regular file; nothing was sent`,
      'Of a folder: tar cz FOLDER | anima share - --name FOLDER.tar.gz',
    );
  }
  return await openAsBlob(file).catch((error: unknown) => {
    throw cannotRead(file, error);
  });
}

function reportShared(shell: Shell, { url, burn, ...done }: PutBlobResult & { readonly burn: boolean }): void {
  const until = done.expiresAt === undefined ? '' : ` until ${done.expiresAt}`;
  const how = burn ? `once${until}, and destroys it` : until.trim() || 'until it is deleted';
  if (!shell.json)
    shell.note(
      `${formatByteSize(done.size)}, blob ${done.id}. Whoever has this link can open it ${how}; nobody can show it again:`,
    );
  shell.print(url, { url, ...done });
}
