import { once } from 'node:events';
import type { Command } from 'commander';
import type { OpenedBlob, openBlob } from '../../sdk/src/index.ts';
import { DownloadFile, resolveDownloadTarget } from '../blobs/download-file.ts';
import { readLink } from '../blobs/link-input.ts';
import { runUntilInterrupted } from '../shell/abort-on-signal.ts';
import { CommandError, exitCodes, toFailure, usageError } from '../shell/command-error.ts';
import { formatByteSize, formatTransfer, ProgressLine } from '../shell/progress-line.ts';
import type { Shell } from '../shell/shell.ts';
import { escapeSteeringCharacters } from '../shell/terminal-output.ts';
import { version } from '../shell/version.ts';

const help = `
Needs no account: the link has all it takes, and its own address is asked, whoever sent it. Each time counts as an opening.
The link is a secret that opens the file: as an argument it stands in the shell’s history and in the list of processes, so
better give it by standard input, or be asked for it.

The file gets the name that its sender gave it, made safe, with a number if that is taken; mode 0600. It stands under
that name only when all of it has proven authentic. A link made with --burn is used up by opening it, and the file behind it is
destroyed once it is on the disk here; --keep leaves that out.

Examples:
  $ anima open                         asks for the link without showing it
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
    .description('save the file that a link opens')
    .argument('[link]', 'the link; - for standard input')
    .option('-o, --output <file>', 'a file or folder to write to; - for standard output')
    .option('-f, --force', 'replace a file of that name')
    .option('--keep', 'do not destroy what was shared with --burn')
    .addHelpText('after', help)
    .action(async (link: string | undefined, options: Options, command: Command) => {
      await open(shellOf(command), link, options);
    });
}

async function open(shell: Shell, given: string | undefined, options: Options): Promise<void> {
  const { output, force = false } = options;
  if (output === '-' && shell.json) throw usageError('--json and -o - both want standard output. Nothing was opened');
  const target = output === '-' ? undefined : await resolveDownloadTarget(output, force);
  const link = await readLink(shell, given ?? '-');
  if (target === undefined) return await streamToStdout(shell, link, options);
  const download = await DownloadFile.create(target);
  try {
    const opened = await downloadInto(shell, link, options, {
      write: (piece) => download.write(piece),
      sync: () => download.sync(),
    });
    const file = await download.moveIntoPlace(opened.name, force);
    const { name, type, size, burned } = opened;
    reportBurned(shell, opened);
    shell.print(escapeSteeringCharacters(file), { file, name, type, size, burned });
  } finally {
    await download.discard();
  }
}

/** To standard output: every byte is authentic, but what came before a failure has gone on. */
async function streamToStdout(shell: Shell, link: string, options: Options): Promise<void> {
  const { stdout } = shell;
  const flushed = async (): Promise<void> => {
    if (stdout.writableNeedDrain) await once(stdout, 'drain');
  };
  const opened = await downloadInto(shell, link, options, {
    write: async (piece) => {
      if (!stdout.write(piece)) await flushed();
    },
    sync: async () => await new Promise<void>((done) => stdout.write('', () => done())),
  });
  reportBurned(shell, opened);
}

interface Sink {
  write(piece: Uint8Array): Promise<void>;
  /** Resolves when all that was written is out of this process's hands. */
  sync(): Promise<void>;
}

async function downloadInto(shell: Shell, link: string, { keep }: Options, sink: Sink): Promise<OpenedBlob> {
  const client: { openBlob: typeof openBlob } = await import('../../sdk/src/index.ts');
  const line = new ProgressLine(shell);
  try {
    return await runUntilInterrupted(async (signal) => {
      const opened = await client.openBlob(link, {
        signal,
        userAgent: `anima-cli/${version}`,
        burn: keep !== true,
        onProgress: ({ bytes, total }) => line.show(formatTransfer('downloading', bytes, total)),
      });
      let written = 0;
      for await (const piece of opened.stream) {
        await sink.write(piece);
        written += piece.length;
        // What is to be burned is destroyed when more is asked for than there is: by then it must be safe here.
        if (written === opened.size) await sink.sync();
      }
      line.end();
      shell.note(
        `${formatByteSize(opened.size)}${opened.type === '' ? '' : `, ${escapeSteeringCharacters(opened.type)} by what its sender says`}.`,
      );
      return opened;
    });
  } catch (error) {
    if (toFailure(error).code !== 'aborted') throw error;
    throw new CommandError('Interrupted; what had come was removed', {
      exit: exitCodes.unavailable,
      next: 'To open the link again is another opening.',
    });
  } finally {
    line.end();
  }
}

function reportBurned(shell: Shell, { burned }: OpenedBlob): void {
  if (burned) shell.note('What the link led to is destroyed: this is the only copy that came of it.');
}
