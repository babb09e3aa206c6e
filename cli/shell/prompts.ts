/** Prompts. They are printed on standard error, so that standard output contains only results. */
import { createInterface } from 'node:readline/promises';
import { CommandError, exitCodes, usageError } from './command-error.ts';
import { HiddenLineInput } from './hidden-line-input.ts';
import { escapeForLine } from './terminal-text.ts';

interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Prompts for a line that is shown while typed. @throws CommandError usage without a terminal */
export async function askLine({ stdin, stderr }: Streams, question: string): Promise<string> {
  if (!stdin.isTTY) throw noTerminalError();
  const lines = createInterface({ input: stdin, output: stderr });
  const abort = new AbortController();
  lines.once('close', () => abort.abort());
  lines.once('SIGINT', () => lines.close());
  try {
    return (await lines.question(`${escapeForLine(question)} `, { signal: abort.signal })).trim();
  } catch {
    stderr.write('\n');
    throw cancelledError();
  } finally {
    lines.close();
  }
}

// Bracketed paste (xterm control sequences, "Bracketed Paste Mode"). Without it, the first line end of a pasted key
// would end the prompt, and the terminal would pass the rest of the secret to the shell as commands.
const pasteOn = '\u001b[?2004h';
const pasteOff = '\u001b[?2004l';

/**
 * Prompts for a hidden secret, typed as one line or pasted as several. @throws CommandError usage without a terminal
 */
export async function askSecret({ stdin, stderr }: Streams, question: string): Promise<string> {
  if (!stdin.isTTY || typeof stdin.setRawMode !== 'function') throw noTerminalError();
  // Set first, so that input typed as soon as the prompt appears is hidden too.
  stdin.setRawMode(true);
  stderr.write(`${escapeForLine(question)} (not shown) ${pasteOn}`);
  try {
    const typed = await readHiddenLine(stdin);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(typed);
  } catch (error) {
    if (error instanceof TypeError) throw usageError('The input is not UTF-8; nothing was done');
    throw error;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write(`${pasteOff}\n`);
  }
}

/** The bytes typed before Return. */
async function readHiddenLine(stdin: NodeJS.ReadStream): Promise<Buffer> {
  const line = new HiddenLineInput();
  return await new Promise((resolve, reject) => {
    const done = (finish: () => void) => {
      stdin.off('data', take);
      stdin.off('end', ended);
      finish();
    };
    const ended = () => done(() => reject(cancelledError()));
    const take = (chunk: Buffer | string) => {
      const state = line.feed(Buffer.from(chunk));
      if (state === 'cancelled') done(() => reject(cancelledError()));
      else if (state === 'more') done(() => reject(severalLinesError()));
      else if (state === 'whole') done(() => resolve(line.bytes()));
    };
    stdin.on('data', take);
    stdin.once('end', ended);
    stdin.resume();
  });
}

const noTerminalError = (): CommandError =>
  usageError('There is no terminal for a prompt; nothing was done', 'Use standard input or an option (see --help).');

const cancelledError = (): CommandError => new CommandError('Cancelled; nothing was done', { exit: exitCodes.failed });

const severalLinesError = (): CommandError =>
  usageError(
    'More than one line was entered; nothing was done',
    'Pass several lines on standard input or with --file.',
  );
