/** Runs a command with a given environment. Streams, signals and exit code behave as if it had been called directly. */
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
  /** Masks the output; without it the command inherits this process's streams. */
  readonly concealer: StreamMasker | undefined;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Whether a terminal sends its signals to the child directly, so that they need not be forwarded. */
  readonly terminal: boolean;
}

/** A command that could not be started, with the system error code, e.g. `ENOENT`. */
export class ChildStartError extends Error {
  readonly code: string;
  constructor(code: string) {
    super(`the command could not be started (${code})`);
    this.name = 'ChildStartError';
    this.code = code;
  }
}

/**
 * Runs the command to completion. @returns its exit code, or 128 plus the number of the signal that ended it @throws
 * ChildStartError
 */
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
    // Node's error for an invalid argument quotes the argument.
    throw new ChildStartError(systemErrorCode(error) ?? 'unknown');
  }
}

async function pipeMasked(from: Readable | null, concealer: StreamMasker, to: NodeJS.WritableStream): Promise<void> {
  if (from === null) return;
  try {
    await pipeline(from, concealer.stream(), to, { end: false });
  } catch (error) {
    // The reader has closed the pipe. The pipeline has closed the child's end, so the child notices as it would
    // without masking.
    if (systemErrorCode(error) !== 'EPIPE' && systemErrorCode(error) !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

/** Includes SIGUSR1: without a listener Node would open its debugger in a process that contains values. */
const forwardedSignals = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
/** A terminal sends these to the whole foreground process group, so forwarding would deliver them twice. */
const terminalSignals = ['SIGINT', 'SIGQUIT'] as const;

/** Forwards signals to the child. @returns a function that stops forwarding */
function forwardSignals(child: ChildProcess, terminal: boolean): () => void {
  const listeners: [NodeJS.Signals, () => void][] = [
    ...forwardedSignals.map((signal): [NodeJS.Signals, () => void] => [signal, () => void child.kill(signal)]),
    // Not forwarded on a terminal, and ignored here in any case: the child decides how to handle a signal.
    ...terminalSignals.map((signal): [NodeJS.Signals, () => void] => [
      signal,
      () => void (terminal || child.kill(signal)),
    ]),
  ];
  // On a terminal both processes stop and continue by themselves.
  if (!terminal) {
    const stop = () => {
      // Not SIGTSTP: it never stops an orphaned process group (POSIX, "Orphaned Process Group").
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
