/** Questions to people. They stand on standard error, so that standard output holds nothing but results. */
import { createInterface } from 'node:readline/promises';
import { CommandError, exitCodes, usage } from './command-error.ts';
import { TypedLine } from './hidden-line-input.ts';

interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Asks for a line, shown while typed. @throws CommandError usage without a terminal */
export async function askLine({ stdin, stderr }: Streams, question: string): Promise<string> {
  if (!stdin.isTTY) throw nobody();
  const lines = createInterface({ input: stdin, output: stderr });
  const abort = new AbortController();
  lines.once('close', () => abort.abort());
  lines.once('SIGINT', () => lines.close());
  try {
    return (await lines.question(`${question} `, { signal: abort.signal })).trim();
  } catch {
    stderr.write('\n');
    throw cancelled();
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
  if (!stdin.isTTY || typeof stdin.setRawMode !== 'function') throw nobody();
  // First, so that what is typed at the sight of the question is not shown either.
  stdin.setRawMode(true);
  stderr.write(`${question} (not shown) ${pasteOn}`);
  try {
    const typed = await readTyped(stdin);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(typed);
  } catch (error) {
    if (error instanceof TypeError) throw usage('What was typed is not UTF-8; nothing was done');
    throw error;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write(`${pasteOff}\n`);
  }
}

/** What was typed until Return, as bytes. */
async function readTyped(stdin: NodeJS.ReadStream): Promise<Buffer> {
  const line = new TypedLine();
  return await new Promise((resolve, reject) => {
    const done = (finish: () => void) => {
      stdin.off('data', take);
      stdin.off('end', ended);
      finish();
    };
    const ended = () => done(() => reject(cancelled()));
    const take = (chunk: Buffer | string) => {
      const state = line.take(Buffer.from(chunk));
      if (state === 'cancelled') done(() => reject(cancelled()));
      else if (state === 'more') done(() => reject(severalLines()));
      else if (state === 'whole') done(() => resolve(line.bytes()));
    };
    stdin.on('data', take);
    stdin.once('end', ended);
    stdin.resume();
  });
}

const nobody = (): CommandError =>
  usage('There is no terminal to ask at; nothing was done', 'Give it by standard input or by an option (--help).');

const cancelled = (): CommandError => new CommandError('Cancelled; nothing was done', { exit: exitCodes.failed });

const severalLines = (): CommandError =>
  usage('More than one line came; nothing was done', 'Give several lines by standard input or --file.');
