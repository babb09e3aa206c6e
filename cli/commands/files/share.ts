import { openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import type { BlobFile, PutBlobOptions, PutBlobResult } from '../../../sdk/src/index.ts';
import { type InterruptedUpload, InterruptedUploads } from '../../blobs/interrupted-uploads.ts';
import { mediaTypeOf } from '../../blobs/media-types.ts';
import { idsOfAccess } from '../../profiles/access-resolution.ts';
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

Several files share one link and one key; together they are one upload, which counts, expires and resumes as a whole.
--preview adds a small image that the page shows while a large file is loading.

Examples:
  $ anima share report.pdf --expires-in 7d
  $ anima share a.jpg b.jpg c.jpg --name Holiday
  $ anima share film.mp4 --preview cover.jpg
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
  readonly preview?: string;
}

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('share')
    .description('encrypt and upload files, and print a link that opens them')
    .argument('[files...]', 'the files; - for standard input')
    .option('--expires-in <duration>', 'expire the link after this time: 12h, 7d … (default: kept until deleted)')
    .option('--max-opens <number>', 'maximum number of openings')
    .option('--burn', 'allow one opening, and destroy the file after it is read')
    .option('--name <text>', 'file name shown to recipients, or title of several files (default: name of the file)')
    .option('--preview <file>', 'image that is shown while the file is loading')
    .option('--type <type>', 'media type (default: by file name)')
    .option('--resume', 'resume an interrupted upload')
    .addHelpText('after', help)
    .action(async (files: string[], options: Options, command: Command) => {
      await share(shellOf(command), files, options);
    });
}

async function share(shell: Shell, files: readonly string[], options: Options): Promise<void> {
  if (options.resume === true) return await resume(shell, files, options);
  if (files.length === 0 && shell.stdin.isTTY)
    throw usageError('No file was given. Nothing was sent', 'Give a file name, or - for standard input.');
  const [file = '-'] = files;
  const shared = { files: files.length === 0 ? ['-'] : files, preview: options.preview };
  const said = toPutOptions(options);
  if (isSet(shared)) return await shareSet(shell, shared, said);
  const name = said.name ?? (file === '-' ? undefined : basename(file));
  const type = said.type ?? (name === undefined ? undefined : mediaTypeOf(name));
  reportShared(shell, await uploadResumably(shell, shared, { ...said, name, type }));
}

async function resume(shell: Shell, files: readonly string[], options: Options): Promise<void> {
  if (Object.values({ ...toPutOptions(options), preview: options.preview }).some((setting) => setting !== undefined))
    throw usageError(
      '--resume continues with the original options and can’t be combined with others. Nothing was sent',
    );
  if (files.includes('-')) throw usageError('An upload from standard input can’t be resumed. Nothing was sent');
  const upload = await chooseUpload(await (await openInterruptedUploads(shell)).list(), files);
  shell.note(textLine`Resuming ${upload.files.join(', ')}.`);
  reportShared(shell, await uploadResumably(shell, upload, { resume: upload.state }, upload));
}

/** Shares several files, or one with a preview image. */
async function shareSet(shell: Shell, shared: SharedFiles, options: PutBlobOptions): Promise<void> {
  const { name, type, ...others } = options;
  const isOne = shared.files.length === 1;
  if (shared.files.includes('-'))
    throw usageError('Standard input can’t be shared with other files or a preview. Nothing was sent');
  if (!isOne && shared.preview !== undefined) throw usageError('--preview is for one file. Nothing was sent');
  if (!isOne && type !== undefined)
    throw usageError('--type is for one file. Nothing was sent', 'Types of several files follow from their names.');
  const said = isOne ? { said: { name, type } } : {};
  reportShared(shell, await uploadResumably(shell, { ...shared, ...said }, isOne ? others : { ...others, name }));
}

/** The files of one upload. */
interface SharedFiles {
  readonly files: readonly string[];
  /** Preview image of the only file. */
  readonly preview?: string | undefined;
  /** Name and type of the only file, if they were given. */
  readonly said?: InterruptedUpload['said'];
}

const isSet = ({ files, preview }: SharedFiles): boolean => files.length > 1 || preview !== undefined;

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
  const access = await shell.access();
  return new InterruptedUploads(shell.env, access.url, idsOfAccess(access)?.org ?? '');
};

/** Finds the upload to resume. @throws CommandError if there is none, or it is ambiguous */
async function chooseUpload(
  uploads: readonly InterruptedUpload[],
  files: readonly string[],
): Promise<InterruptedUpload> {
  const textOf = (paths: readonly string[]) => JSON.stringify(paths);
  const paths = files.length === 0 ? undefined : textOf(files.map((file) => resolve(file)));
  const [upload, ...more] = paths === undefined ? uploads : uploads.filter((one) => textOf(one.files) === paths);
  if (upload === undefined) {
    const which =
      paths === undefined ? 'There is no interrupted upload' : 'There is no interrupted upload of exactly these files';
    throw new CommandError(`${which}; nothing was sent`, {
      exit: exitCodes.notFound,
      next: 'Start one with `anima share FILE`.',
    });
  }
  // For given files, the newest upload is used. Without them, the choice can be ambiguous.
  if (paths === undefined && more.some((one) => textOf(one.files) !== textOf(upload.files))) {
    const names = [...new Set(uploads.map((one) => one.files.join(' ')))];
    throw usageError(
      `Several uploads were interrupted; nothing was sent`,
      `Give the files of one of these: ${names.join(', ')}.`,
    );
  }
  return upload;
}

/** Uploads, and stores the resumable state until the upload is complete or cannot be resumed. */
async function uploadResumably(
  shell: Shell,
  shared: SharedFiles,
  options: PutBlobOptions,
  before?: InterruptedUpload,
): Promise<PutBlobResult & { readonly burn: boolean; readonly files: number }> {
  const [first = '-'] = shared.files;
  const content = first === '-' ? shell.stdin : isSet(shared) ? await openSet(shared) : await openContent(first);
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
            if (first === '-') return;
            const preview = shared.preview === undefined ? {} : { preview: resolve(shared.preview) };
            const files = shared.files.map((file) => resolve(file));
            await uploads.save({ files, ...preview, ...(shared.said && { said: shared.said }), begunAt, state });
            kept = state.id;
          },
        }),
    );
    if (kept !== undefined) await uploads.remove(kept);
    return { ...done, burn: options.burn === true, files: shared.files.length };
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

/** Opens the files of a set. Their names are those of the files, unless another was given for the only file. */
async function openSet({ files, preview, said }: SharedFiles): Promise<BlobFile[]> {
  const image = preview === undefined ? undefined : await openContent(preview);
  const set: BlobFile[] = [];
  for (const file of files) {
    const name = (files.length === 1 ? said?.name : undefined) ?? basename(file);
    const type = said?.type ?? mediaTypeOf(name);
    set.push({ content: await openContent(file), name, type, ...(image !== undefined && { preview: image }) });
  }
  return set;
}

/** Opens a file that is read while it is sent, in constant memory. @throws CommandError if it cannot be opened */
async function openContent(file: string): Promise<BlobFile['content']> {
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

function reportShared(
  shell: Shell,
  { url, burn, files, ...done }: PutBlobResult & { readonly burn: boolean; readonly files: number },
): void {
  const until = done.expiresAt === undefined ? '' : ` until ${done.expiresAt}`;
  const how = burn ? `once${until}, which destroys it` : until.trim() || 'until it is deleted';
  if (!shell.json)
    shell.note(
      textLine`${files > 1 ? `${files} files, ` : ''}${formatByteSize(done.size)}, blob ${done.id}. Anyone with this link can open ${files > 1 ? 'them' : 'it'} ${how}; the link can’t be shown again:`,
    );
  shell.print(url, { url, ...done });
}
