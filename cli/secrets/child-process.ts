/** Runs a command with its own environment: streams, signals and exit code as if it had been called directly. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { systemErrorCode } from '../shell/private-files.ts';
import type { StreamMasker } from './stream-masking.ts';

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Record<string, string>;
  /** Masks what it prints; without one its streams are this process's own. */
  readonly concealer: StreamMasker | undefined;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Whether a terminal sends its signals to the child too, so that they need not be passed on. */
  readonly terminal: boolean;
}

/** A command that could not be started: the system's code, e.g. `ENOENT`. */
export class ChildStartError extends Error {
  readonly code: string;
  constructor(code: string) {
    super(`the command could not be started (${code})`);
    this.name = 'StartFailure';
    this.code = code;
  }
}

/** Runs the command to its end. @returns its exit code, 128 and the number of the signal that ended it @throws StartFailure */
export async function runChild(options: ChildOptions): Promise<number> {
  const { concealer, stdout, stderr } = options;
  const output = concealer === undefined ? 'inherit' : 'pipe';
  const child = spawnChild(options, output);
  const exited = new Promise<number>((resolve, reject) => {
    child.once('error', (error) => reject(new ChildStartError(systemErrorCode(error) ?? 'unknown')));
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  const release = forwardSignals(child, options.terminal);
  try {
    const streams =
      concealer === undefined
        ? []
        : [pipeMasked(child.stdout, concealer, stdout), pipeMasked(child.stderr, concealer, stderr)];
    const [code] = await Promise.all([exited, ...streams]);
    return code;
  } finally {
    release();
  }
}

function spawnChild({ command, args, env }: ChildOptions, output: 'inherit' | 'pipe'): ChildProcess {
  try {
    return spawn(command, args, { env, stdio: ['inherit', output, output] });
  } catch (error) {
    // What Node says of an argument it does not take quotes it.
    throw new ChildStartError(systemErrorCode(error) ?? 'unknown');
  }
}

async function pipeMasked(from: Readable | null, concealer: StreamMasker, to: NodeJS.WritableStream): Promise<void> {
  if (from === null) return;
  try {
    await pipeline(from, concealer.stream(), to, { end: false });
  } catch (error) {
    // Nobody reads any more. The pipeline has closed the child's end, so the child finds out as it would without us.
    if (systemErrorCode(error) !== 'EPIPE' && systemErrorCode(error) !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

/** SIGUSR1 among them: without a listener Node would open its debugger, in a process that holds values. */
const forwardedSignals = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
/** What a terminal sends to all processes in front: with one, passing these on would deliver them twice. */
const terminalSignals = ['SIGINT', 'SIGQUIT'] as const;

/** Passes signals on to the child. @returns ends it */
function forwardSignals(child: ChildProcess, terminal: boolean): () => void {
  const listeners: [NodeJS.Signals, () => void][] = [
    ...forwardedSignals.map((signal): [NodeJS.Signals, () => void] => [signal, () => void child.kill(signal)]),
    // With a terminal not passed on, and never obeyed here: what a signal means is for the child to decide.
    ...terminalSignals.map((signal): [NodeJS.Signals, () => void] => [
      signal,
      () => void (terminal || child.kill(signal)),
    ]),
  ];
  // With a terminal both stop and go on by themselves.
  if (!terminal) {
    const stop = () => {
      // Not SIGTSTP: a process group without a shell above it never stops by that (POSIX, "Orphaned Process Group").
      child.kill('SIGSTOP');
      process.kill(process.pid, 'SIGSTOP');
    };
    listeners.push(['SIGTSTP', stop], ['SIGCONT', () => void child.kill('SIGCONT')]);
  }
  for (const [signal, listener] of listeners) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
}
