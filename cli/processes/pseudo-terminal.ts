/**
 * Runs a command in a pseudo-terminal, so that its output can be masked while it has a terminal: colours, prompts, and
 * line editing work. Input goes to the command byte by byte, so Ctrl-C reaches it through its own terminal, once.
 */
import { accessSync, constants as fileConstants, readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import type { IPty } from '@lydell/node-pty';
import { systemErrorCode } from '../shell/private-files.ts';
import { type ChildOptions, type ChildResult, ChildStartError, endOnAbort } from './child-process.ts';
import { forwardSignalsToSession } from './signal-forwarding.ts';

type PtyModule = typeof import('@lydell/node-pty');

export interface TerminalStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** The byte that Ctrl-C sends. */
const interruptByte = 0x03;

/**
 * Whether a pseudo-terminal can take the place of the streams: it has one output and the input of the same terminal,
 * so all three streams must be terminals. A background process must not read from its terminal.
 */
export const canUsePseudoTerminal = ({ stdin, stdout, stderr }: TerminalStreams): boolean =>
  [stdin, stdout, stderr].every((stream) => stream.isTTY === true) && isInForeground();

/** Loads the optional native package; undefined if it is missing. */
export async function loadPseudoTerminals(): Promise<PtyModule | undefined> {
  try {
    return await import('@lydell/node-pty');
  } catch {
    return undefined;
  }
}

/** Fields of /proc/self/stat after the name in parentheses: state, ppid, pgrp, session, tty_nr, tpgid (proc_pid_stat(5)). */
function isInForeground(): boolean {
  try {
    const fields = readFileSync('/proc/self/stat', 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[2] === fields[5];
  } catch {
    // Other systems than Linux: assume the usual case.
    return true;
  }
}

/** Runs the command to completion. @throws ChildStartError */
export async function runInPseudoTerminal(
  pty: PtyModule,
  { command, args, env, masker, abort }: ChildOptions,
  { stdin, stdout }: TerminalStreams,
): Promise<ChildResult> {
  assertExecutable(command, env.PATH);
  const { columns: cols, rows } = stdout;
  const child = pty.spawn(command, [...args], { name: env.TERM ?? 'dumb', cols, rows, cwd: process.cwd(), env });
  const decoder = new StringDecoder('utf8');
  let interrupts = 0;
  const onInput = (input: Buffer) => {
    if (input.includes(interruptByte)) interrupts++;
    child.write(decoder.write(input));
  };
  const onResize = () => resizeIfOpen(child, stdout);
  const kill = (signal: NodeJS.Signals) => killIfRunning(child, signal);
  const setRaw = (raw: boolean) => () => void stdin.setRawMode(raw);
  const stopForwarding = forwardSignalsToSession(kill, setRaw(false), setRaw(true));
  const stopAborting = endOnAbort(kill, abort);
  stdin.setRawMode(true);
  stdin.on('data', onInput);
  stdout.on('resize', onResize);
  try {
    const result = await outputOf(child, masker, stdout);
    return interrupts > 0 && result.signal === 'SIGINT' ? { ...result, interrupted: 'group' } : result;
  } finally {
    stdout.off('resize', onResize);
    stdin.off('data', onInput);
    stdin.setRawMode(false);
    stdin.pause();
    stopForwarding();
    stopAborting();
  }
}

/** Shows the masked output until the command has ended. */
async function outputOf(child: IPty, masker: ChildOptions['masker'], to: NodeJS.WriteStream): Promise<ChildResult> {
  const mask = masker?.mask();
  child.onData((text) => {
    const bytes = Buffer.from(text, 'utf8');
    if (to.write(mask === undefined ? bytes : mask.push(bytes))) return;
    child.pause();
    to.once('drain', () => child.resume());
  });
  const result = await new Promise<ChildResult>((resolve) => {
    child.onExit(({ exitCode, signal }) => resolve(signal ? signalled(signal) : { code: exitCode, signal: undefined }));
  });
  const rest = mask?.end();
  if (rest !== undefined && rest.length > 0) to.write(rest);
  return result;
}

function signalled(number: number): ChildResult {
  const names = Object.entries(constants.signals) as [NodeJS.Signals, number][];
  return { code: 128 + number, signal: names.find(([, value]) => value === number)?.[0] };
}

function killIfRunning(child: IPty, signal: NodeJS.Signals): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (systemErrorCode(error) !== 'ESRCH') throw error;
  }
}

function resizeIfOpen(child: IPty, { columns, rows }: NodeJS.WriteStream): void {
  try {
    child.resize(columns, rows);
  } catch {
    // The command has just ended.
  }
}

/** The pseudo-terminal reports no error for a command that cannot be started. @throws ChildStartError */
function assertExecutable(command: string, path = '/usr/bin:/bin'): void {
  const candidates = command.includes('/') ? [command] : path.split(delimiter).map((folder) => join(folder, command));
  let code = 'ENOENT';
  for (const candidate of candidates) {
    try {
      accessSync(candidate, fileConstants.X_OK);
      if (statSync(candidate).isFile()) return;
      code = 'EACCES';
    } catch (error) {
      if (systemErrorCode(error) === 'EACCES') code = 'EACCES';
    }
  }
  throw new ChildStartError(code);
}
