/** Questions to people. They stand on standard error, so that standard output holds nothing but results. */
import { createInterface } from 'node:readline/promises';
import { CommandError, exitCodes, usageError } from './command-error.ts';
import { HiddenLineInput } from './hidden-line-input.ts';

interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Asks for a line, shown while typed. @throws CommandError usage without a terminal */
export async function askLine({ stdin, stderr }: Streams, question: string): Promise<string> {
  if (!stdin.isTTY) throw noTerminalError();
  const lines = createInterface({ input: stdin, output: stderr });
  const abort = new AbortController();
  lines.once('close', () => abort.abort());
  lines.once('SIGINT', () => lines.close());
  try {
    return (await lines.question(`${question} `, { signal: abort.signal })).trim();
  } catch {
    stderr.write('\n');
    throw cancelledError();
  } finally {
    lines.close();
  }
}

// Bracketed paste (xterm control sequences, "Bracketed Paste Mode"): without it the first line end of a pasted key would
// end the question, and the terminal would give the rest of the secret to the shell as commands.
const pasteOn = '\u001b[?2004h';
const pasteOff = '\u001b[?2004l';

/** Asks for a secret that is not shown, in one line or pasted as several. @throws CommandError usage without a terminal */
export async function askSecret({ stdin, stderr }: Streams, question: string): Promise<string> {
  if (!stdin.isTTY || typeof stdin.setRawMode !== 'function') throw noTerminalError();
  // First, so that what is typed at the sight of the question is not shown either.
  stdin.setRawMode(true);
  stderr.write(`${question} (not shown) ${pasteOn}`);
  try {
    const typed = await readHiddenLine(stdin);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(typed);
  } catch (error) {
    if (error instanceof TypeError) throw usageError('What was typed is not UTF-8; nothing was done');
    throw error;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write(`${pasteOff}\n`);
  }
}

/** What was typed until Return, as bytes. */
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
  usageError('There is no terminal to ask at; nothing was done', 'Give it by standard input or by an option (--help).');

const cancelledError = (): CommandError => new CommandError('Cancelled; nothing was done', { exit: exitCodes.failed });

const severalLinesError = (): CommandError =>
  usageError('More than one line came; nothing was done', 'Give several lines by standard input or --file.');
