import { openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import type { BlobContent, PutBlobOptions, PutBlobResult } from '../../../sdk/src/index.ts';
import { type InterruptedUpload, InterruptedUploads } from '../../blobs/interrupted-uploads.ts';
import { mediaTypeOf } from '../../blobs/media-types.ts';
import { parseKeyIds } from '../../profiles/access-resolution.ts';
import { runUntilInterrupted } from '../../shell/abort-on-signal.ts';
import { CommandError, exitCodes, toFailure, usageError } from '../../shell/command-error.ts';
import { parseDuration, parseWhole } from '../../shell/durations.ts';
import { cannotRead } from '../../shell/private-files.ts';
import { formatByteSize, formatTransfer, ProgressLine } from '../../shell/progress-line.ts';
import type { Shell } from '../../shell/shell.ts';
import { line as textLine } from '../../shell/terminal-text.ts';

const help = `
The file is encrypted on this machine with a key that is only in the link, so neither the vault nor its storage can read the
file, its name or its type. The link is a secret: anyone who has it can open the file in a browser or with \`anima open\`,
without an account. It cannot be shown again. Standard output contains only the link.

An upload that was interrupted by Ctrl-C or a lost connection can be continued with --resume within two days, or within 30
minutes for files of up to 16 MiB. Its state is kept in a file of mode 0600 below $XDG_STATE_HOME/anima and removed when the
upload is complete. Uploads from standard input can’t be resumed.

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
    .description('encrypt and upload a file, and print a link that opens it')
    .argument('[file]', 'the file; - for standard input')
    .option('--expires-in <duration>', 'expire the link after this time: 12h, 7d … (default: kept until deleted)')
    .option('--max-opens <number>', 'maximum number of openings')
    .option('--burn', 'allow one opening, and destroy the file after it is read')
    .option('--name <text>', 'file name shown to recipients (default: name of the file)')
    .option('--type <type>', 'media type (default: by file name)')
    .option('--resume', 'resume an interrupted upload')
    .addHelpText('after', help)
    .action(async (file: string | undefined, options: Options, command: Command) => {
      await share(shellOf(command), file, options);
    });
}

async function share(shell: Shell, file: string | undefined, options: Options): Promise<void> {
  const said = toPutOptions(options);
  if (options.resume === true) {
    if (Object.values(said).some((setting) => setting !== undefined))
      throw usageError(
        '--resume continues with the original options and can’t be combined with others. Nothing was sent',
      );
    if (file === '-') throw usageError('An upload from standard input can’t be resumed. Nothing was sent');
    const upload = await chooseUpload(await (await openInterruptedUploads(shell)).list(), file);
    shell.note(textLine`Resuming ${upload.file}.`);
    return reportShared(shell, await uploadResumably(shell, upload.file, { resume: upload.state }, upload));
  }
  if (file === undefined && shell.stdin.isTTY)
    throw usageError('No file was given. Nothing was sent', 'Give a file name, or - for standard input.');
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

/** Finds the upload to resume. @throws CommandError if there is none, or it is ambiguous */
async function chooseUpload(
  uploads: readonly InterruptedUpload[],
  file: string | undefined,
): Promise<InterruptedUpload> {
  const path = file === undefined ? undefined : resolve(file);
  const [upload, ...more] = path === undefined ? uploads : uploads.filter((one) => one.file === path);
  if (upload === undefined) {
    const which = file === undefined ? 'There is no interrupted upload' : 'There is no interrupted upload of that file';
    throw new CommandError(`${which}; nothing was sent`, {
      exit: exitCodes.notFound,
      next: 'Start one with `anima share FILE`.',
    });
  }
  // For one file, the newest upload is used. For several files, the choice would be ambiguous.
  if (path === undefined && more.some((one) => one.file !== upload.file)) {
    const files = [...new Set(uploads.map(({ file: path }) => path))];
    throw usageError(
      `Several uploads were interrupted; nothing was sent`,
      `Give one of these files: ${files.join(', ')}.`,
    );
  }
  return upload;
}

/** Uploads, and stores the resumable state until the upload is complete or cannot be resumed. */
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
    // After a content change, the state can be used again if the file is restored.
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
      next: 'Share it again when no program writes to it.',
    });
  }
  const next = resumable ? 'Continue with `anima share --resume`.' : 'Start again.';
  if (code === 'aborted')
    return new CommandError('The upload was interrupted; no link was made', { exit: exitCodes.unavailable, next });
  if (!resumable || code === 'content_changed') return error;
  const { message } = toFailure(error);
  return new CommandError(message, { exit: exitCodes.unavailable, next });
}

/** Opens a file that is read while it is sent, in constant memory. @throws CommandError if it cannot be opened */
async function openContent(file: string): Promise<BlobContent> {
  const found = await stat(file).catch((error: unknown) => {
    throw cannotRead(file, error);
  });
  if (!found.isFile()) {
    throw usageError(
      `${file} is not a regular file; nothing was sent`,
      'For a folder, use: tar cz FOLDER | anima share - --name FOLDER.tar.gz',
    );
  }
  return await openAsBlob(file).catch((error: unknown) => {
    throw cannotRead(file, error);
  });
}

function reportShared(shell: Shell, { url, burn, ...done }: PutBlobResult & { readonly burn: boolean }): void {
  const until = done.expiresAt === undefined ? '' : ` until ${done.expiresAt}`;
  const how = burn ? `once${until}, which destroys it` : until.trim() || 'until it is deleted';
  if (!shell.json)
    shell.note(
      textLine`${formatByteSize(done.size)}, blob ${done.id}. Anyone with this link can open it ${how}; the link can’t be shown again:`,
    );
  shell.print(url, { url, ...done });
}
